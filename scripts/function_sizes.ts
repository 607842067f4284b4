/** The rule for the size of functions, as a plugin of `deno lint`: what does not fit one look is cut into named pieces. */

import { fileURLToPath } from "node:url";

/** How many lines a function may have, its head and its last brace included. */
export const maxLines = 60;

/** How many branches a function may have, those of the functions within it included. */
export const maxBranches = 15;

/** What counts as one branch each. A flat `switch` is one, however many cases it has. */
const branching = [
  "IfStatement",
  "ConditionalExpression",
  "LogicalExpression",
  "ForStatement",
  "ForOfStatement",
  "ForInStatement",
  "WhileStatement",
  "DoWhileStatement",
  "SwitchStatement",
  "CatchClause",
] as const;

const functions = ["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"] as const;

const root = fileURLToPath(new URL("..", import.meta.url)).replaceAll("\\", "/");

const plugin: Deno.lint.Plugin = {
  name: "function",
  rules: {
    "size": {
      create(context) {
        const file = context.filename.replaceAll("\\", "/").slice(root.length);
        if (!/^(?:lib|scripts|examples)\/|^[a-z]+\.ts$/.test(file)) return {};

        const branches: number[] = []; // of each function that the walk is in, the outermost first
        const enter = () => branches.push(0);
        const branch = () => branches.forEach((_, at) => branches[at]++);

        function leave(node: Deno.lint.Node): void {
          const count = branches.pop()!;
          const lines = context.sourceCode.getText(node).split("\n").length;
          if (lines > maxLines) context.report({ node, message: `${lines} lines: at most ${maxLines} are allowed` });
          if (count > maxBranches) {
            context.report({ node, message: `${count} branches: at most ${maxBranches} are allowed` });
          }
        }

        return Object.fromEntries([
          ...functions.flatMap((kind) => [[kind, enter], [`${kind}:exit`, leave]]),
          ...branching.map((kind) => [kind, branch]),
        ]);
      },
    },
  },
};

export default plugin;
