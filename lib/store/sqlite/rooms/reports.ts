import type { DatabaseSync } from "node:sqlite";
import type { Report, ReportDraft, Reports } from "../../accounts/reports.ts";
import { guarded, transaction } from "../file/database.ts";

/** Reports in SQLite, with the promises of {@linkcode Reports}. */
export class SqliteReports implements Reports {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  // deno-lint-ignore require-await
  async add(draft: ReportDraft, most: number): Promise<number | undefined> {
    return transaction(this.#database, () => {
      const { open } = this.#database.prepare("SELECT count(*) AS open FROM reports").get() as { open: number };
      if (open >= most) return undefined;
      const insert = this.#database.prepare("INSERT INTO reports (body) VALUES (?)");
      return Number(insert.run(JSON.stringify(draft)).lastInsertRowid);
    });
  }

  // deno-lint-ignore require-await
  async list(): Promise<Report[]> {
    const rows = guarded(() =>
      this.#database.prepare("SELECT id, body FROM reports ORDER BY id").all()
    ) as unknown as readonly {
      readonly id: number;
      readonly body: string;
    }[];
    return rows.map(({ id, body }) => ({ id, ...JSON.parse(body) as ReportDraft }));
  }

  // deno-lint-ignore require-await
  async close(id: number): Promise<boolean> {
    return guarded(() => this.#database.prepare("DELETE FROM reports WHERE id = ?").run(id).changes === 1);
  }
}
