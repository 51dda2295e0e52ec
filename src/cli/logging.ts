/**
 * The log of the command line: warnings are for people who look for a fault, and never belong on standard output.
 */
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"

/**
 * Layer of the log: on standard error when it is asked for, else nowhere.
 *
 * @category layers
 * @since 0.1.0
 */
export const quietly = (debug: boolean): Layer.Layer<never> =>
  Logger.replace(Logger.defaultLogger, debug ? Logger.withConsoleError(Logger.logfmtLogger) : Logger.none)
