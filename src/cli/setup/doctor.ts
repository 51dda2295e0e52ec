/**
 * `axonal doctor`: whether everything is there that a run needs, and what to do about what is not.
 */
import * as Effect from "effect/Effect"
import type { Environment } from "../environment.ts"
import { SetupError, UsageError } from "../errors.ts"
import { table } from "../internal/layout.ts"
import { jsonLine, oneLine } from "../internal/words.ts"
import { parse } from "./args.ts"
import * as Checks from "./doctorChecks.ts"
import type { Finding } from "./doctorFindings.ts"
import * as Machine from "./doctorMachine.ts"

/**
 * Looks at everything and prints what it finds.
 *
 * **Details**
 *
 * - Errors: when something that was asked for does not work.
 *
 * @category constructors
 * @since 0.1.0
 */
export const run = (
  args: ReadonlyArray<string>,
  environment: Environment
): Effect.Effect<void, UsageError | SetupError> =>
  Effect.gen(function* () {
    const asked = parse("doctor", args)
    if (typeof asked === "string") return yield* new UsageError({ message: asked, see: "axonal doctor --help" })
    const groups = yield* Effect.all([Machine.node, Checks.all(environment), Machine.all(environment)], {
      concurrency: "unbounded"
    })
    const findings = groups.flat()
    process.stdout.write(asked.isJson ? findings.map(jsonLine).join("") : render(findings))
    const problems = findings.filter(({ state }) => state === "problem").length
    if (problems > 0) {
      return yield* new SetupError({
        message: `${problems === 1 ? "one thing does" : `${problems} things do`} not work.`
      })
    }
  })

// internal

/** The findings as a table, what to do about each below it. */
const render = (findings: ReadonlyArray<Finding>): string =>
  table(
    findings.flatMap(({ about, fix, state, text }) => [
      [state === "ok" ? "ok" : state === "warning" ? "look" : "WRONG", about, oneLine(text)],
      ...(fix === undefined ? [] : [["", "", `→ ${oneLine(fix)}`]])
    ]),
    [{}, {}, {}],
    Number.POSITIVE_INFINITY
  )
