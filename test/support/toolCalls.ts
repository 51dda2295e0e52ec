/**
 * Calls of tools as a run makes them, without a model: arguments are decoded, and the answer is what the model would read.
 */
import * as Effect from "effect/Effect"
import * as Part from "../../src/domain/Part.ts"
import type * as Tool from "../../src/tool/Tool.ts"
import * as Toolkit from "../../src/tool/Toolkit.ts"
import * as ToolResult from "../../src/tool/ToolResult.ts"

/** What a call came to. */
export interface Called {
  readonly outcome: string
  readonly text: string
  readonly content: ReadonlyArray<Part.ResultContent>
}

/** Calls a tool by its name, with arguments as JSON. */
export const called = <R>(
  tools: ReadonlyArray<Tool.WithHandler<R>>,
  name: string,
  input: unknown
): Effect.Effect<Called, never, R> =>
  Effect.gen(function* () {
    const registry = yield* Effect.orDie(Toolkit.resolve(tools))
    const entry = registry.entries.get(name)
    if (entry?.execute === undefined) return yield* Effect.dieMessage(`there is no tool ${name}`)
    const { execute } = entry
    const executed = yield* Effect.flatMap(entry.decode(input), execute).pipe(
      Effect.catchAll((error) => Effect.succeed({ failed: true, value: error, answer: undefined }))
    )
    const result = ToolResult.bound(
      ToolResult.fromEncoded(executed.failed ? "failed" : "ok", executed.answer?.model ?? executed.value),
      entry.bound
    )
    return { outcome: result.outcome, text: Part.contentToText(result.content), content: result.content }
    // What the handlers need is in the context.
  }) as Effect.Effect<Called, never, R>
