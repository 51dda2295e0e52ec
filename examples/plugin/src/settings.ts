/**
 * What a user sets: AXONAL_TIDES_STATION, AXONAL_TIDES_KEY and AXONAL_TIDES_DRAUGHT, or the same in plugins.json.
 */
import * as Config from "effect/Config"

// #region settings
export const settings = Config.all({
  station: Config.string("station"),
  key: Config.redacted("key"),
  draught: Config.withDefault(Config.number("draught"), 2)
})
// #endregion
