/**
 * The guard: nobody sails out at low water.
 */
import * as Guard from "axonal/guard/Guard"
import * as Plugin from "axonal/plugin/Plugin"
import * as Effect from "effect/Effect"
import { settings } from "./settings.ts"
import { levelAt } from "./tides.ts"

// #region guard
export default Plugin.guard({
  settings,
  layer: ({ draught, key, station }) =>
    Guard.layer(
      Guard.forTools(
        Guard.make(() =>
          Effect.match(levelAt(station, 0, key), {
            onFailure: () => Guard.Deny("nobody knows the tide"),
            onSuccess: (metres) => (metres < draught ? Guard.Deny(`only ${metres} m of water`) : Guard.Allow)
          })
        ),
        ["sail"]
      )
    )
})
// #endregion
