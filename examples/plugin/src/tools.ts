/**
 * The tools: one that looks, which nobody is asked about, and one that changes something, which a person is asked about.
 */
import * as Agent from "axonal/agent/Agent"
import * as Plugin from "axonal/plugin/Plugin"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import { settings } from "./settings.ts"
import { levelAt } from "./tides.ts"

const Hour = Schema.Int.pipe(Schema.between(0, 23))

// #region tools
export default Plugin.tools({
  settings,
  make: ({ key, station }) =>
    Effect.gen(function* () {
      const log = yield* Ref.make<ReadonlyArray<string>>([])
      yield* Effect.addFinalizer(() => Effect.flatMap(Ref.get(log), (lines) => Effect.logDebug(...lines)))
      return [
        Agent.tool(
          "tide",
          { description: `The tide at ${station}`, parameters: { hour: Hour }, readOnly: true },
          ({ hour }) => Effect.map(levelAt(station, hour, key), (metres) => ({ station, hour, metres }))
        ),
        Agent.tool(
          "log_tide",
          { description: "Writes into the harbour's log", parameters: { line: Schema.String } },
          ({ line }) =>
            Effect.as(
              Ref.update(log, (lines) => [...lines, line]),
              "noted"
            )
        )
      ]
    })
})
// #endregion
