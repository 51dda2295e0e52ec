/**
 * What the environment of the process says to every part of the command line.
 */

/**
 * The environment variables of the process.
 *
 * @category models
 * @since 0.1.0
 */
export type Environment = Readonly<Record<string, string | undefined>>

/**
 * Whether causes of errors are told: `AXONAL_DEBUG`.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isDebug = (environment: Environment): boolean => Boolean(environment["AXONAL_DEBUG"])

/**
 * Whether an output moves its cursor and has styles: a terminal that is not dumb.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isCapable = (environment: Environment, output: { readonly isTTY?: boolean | undefined }): boolean =>
  output.isTTY === true && environment["TERM"] !== "dumb"

/**
 * Whether an output may have colours: where a terminal has them, and `NO_COLOR` does not say otherwise.
 *
 * @category predicates
 * @since 0.1.0
 */
export const hasColor = (environment: Environment, output: { readonly isTTY?: boolean | undefined }): boolean =>
  isCapable(environment, output) && !environment["NO_COLOR"]
