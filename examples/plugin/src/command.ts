/**
 * The command: `axonal tides 6 12`.
 */
import * as Plugin from "axonal/plugin/Plugin"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { settings } from "./settings.ts"
import { levelAt } from "./tides.ts"

// #region command
export default Plugin.command({
  settings,
  description: "The tide at your station at these hours",
  run: (hours, { key, station }) =>
    Effect.forEach(hours, (hour) =>
      Effect.flatMap(levelAt(station, Number(hour), key), (metres) => Console.log(`${station} ${hour}:00 ${metres} m`))
    ).pipe(Effect.as(hours.length === 0 ? 2 : 0))
})
// #endregion
