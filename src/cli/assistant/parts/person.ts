/**
 * The question tool of the assistant, of which a model is told only where somebody can answer.
 */
import * as Effect from "effect/Effect"
import type * as Tool from "../../../tool/Tool.ts"
import * as AskUser from "../../../toolbox/AskUser.ts"

/**
 * Answers nothing: for runs that nobody watches.
 *
 * @category constructors
 * @since 0.1.0
 */
export const nobody: AskUser.Service = () => Effect.succeedNone

/**
 * Makes the tool.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Tool.WithHandler => ({
  ...AskUser.make(),
  offered: Effect.map(AskUser.Respondent, (respond) => respond !== nobody)
})
