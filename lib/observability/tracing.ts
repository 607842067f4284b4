/**
 * Spans, from a line to its delivery, where Deno is told to make them (`OTEL_DENO=true`); else nothing at all.
 *
 * Deno brings the exporter and registers it before the program starts. Where it did not, {@linkcode tracing} is
 * undefined, and code that would make a span asks no more than that.
 *
 * A message carries the trace that it was sent in through the log, as W3C trace context, so that its delivery belongs to
 * the same trace on every server.
 */

/** What a span says besides its name. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** Makes spans. */
export interface Tracing {
  /** Runs work in a span, the child of that around it; a failure is noted with its code. */
  run<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T>;
  /** The span around this, as a message carries it. */
  context(): string | undefined;
  /** Begins a span in the trace that a message carries. */
  follow(context: string, name: string, attributes: Attributes): { end(): void };
}

/** The registration that Deno makes: the key of OpenTelemetry's interface, version 1. */
const registered = Symbol.for("opentelemetry.js.api.1");

/** Undefined where no spans are to be made. */
export const tracing: Tracing | undefined = registered in globalThis ? await openTracing() : undefined;

/** Makes spans with the tracer that is registered with OpenTelemetry's interface. */
export async function openTracing(): Promise<Tracing> {
  const { context, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = await import("@opentelemetry/api");
  const tracer = trace.getTracer("chat");
  return {
    async run(name, attributes, work) {
      const span = tracer.startSpan(name, { attributes }, context.active());
      try {
        return await context.with(trace.setSpan(context.active(), span), work);
      } catch (error) {
        const code = (error as { code?: unknown }).code;
        span.setStatus({ code: SpanStatusCode.ERROR, message: String(code ?? (error as Error).name) });
        throw error;
      } finally {
        span.end();
      }
    },
    context() {
      const around = trace.getSpanContext(context.active());
      return around && `00-${around.traceId}-${around.spanId}-${around.traceFlags.toString(16).padStart(2, "0")}`;
    },
    follow(carried, name, attributes) {
      const [, traceId, spanId, flags] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(carried) ?? [];
      const parent = traceId === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, {
        traceId,
        spanId,
        traceFlags: parseInt(flags, 16),
        isRemote: true,
      });
      return tracer.startSpan(name, { kind: SpanKind.CONSUMER, attributes }, parent);
    },
  };
}
