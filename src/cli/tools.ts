/**
 * The tools of the command line: those of the toolbox, and arithmetic. Those that only read are loaded with a run, since they
 * are what it has unless more is asked for; the others when they are.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Sandbox } from "../sandbox/Sandbox.ts"
import * as Tool from "../tool/Tool.ts"
import * as ListFiles from "../toolbox/ListFiles.ts"
import * as ReadFile from "../toolbox/ReadFile.ts"
import * as SearchFiles from "../toolbox/SearchFiles.ts"
import * as Secrets from "./assistant/permissions/secrets.ts"
import { SetupError } from "./errors.ts"
import { evaluate, names } from "./internal/arithmetic.ts"
import type { Which } from "./internal/hands.ts"

/**
 * A tool of the command line.
 *
 * @category models
 * @since 0.1.0
 */
export type Own = Tool.WithHandler<Sandbox>

/**
 * Makes the tools: all of them, those that change nothing, or none.
 *
 * **Details**
 *
 * - `all` is the whole toolbox: tools that write files or run something are destructive, and the default guard asks.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (which: Which): Effect.Effect<ReadonlyArray<Own>, SetupError> => {
  switch (which) {
    case "none":
      return Effect.succeed([])
    case "reading":
      return Effect.sync(() => [
        ReadFile.make(),
        ListFiles.list(),
        ListFiles.find(),
        SearchFiles.make(searchFiles),
        calculate
      ])
    case "all":
      return Effect.map(
        Effect.tryPromise({
          try: () => import("../toolbox/Toolbox.ts"),
          catch: (cause) => new SetupError({ message: `the toolbox cannot be loaded: ${String(cause)}`, cause })
        }),
        (Toolbox) => [...Toolbox.make({ searchFiles }), calculate]
      )
  }
}

// internal

/** A person is asked about files that may hold secrets; whoever looks everywhere has not been asked. */
const searchFiles: SearchFiles.Options = { isPassedOver: Secrets.isSecret }

const calculate = Tool.make(
  "calculate",
  {
    description: `Works out arithmetic: + - * / % ^, brackets, ${names.join(" ")}.`,
    parameters: { expression: Schema.String },
    success: Schema.String,
    failure: Schema.String,
    readOnly: true,
    destructive: false
  },
  ({ expression }) => {
    const outcome = evaluate(expression)
    return "value" in outcome ? Effect.succeed(String(outcome.value)) : Effect.fail(outcome.error)
  }
)
