/**
 * Plan mode: the model looks around and presents a plan, and changes nothing before the person has agreed. It learns of the
 * mode from notes and results, so that what requests begin with stays as it is.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { SessionId } from "../../domain/Ids.ts"
import * as Tool from "../../tool/Tool.ts"
import type { Permission } from "../args.ts"
import type * as Knobs from "./knobs.ts"

/**
 * The name of the tool that presents a plan.
 *
 * @category constructors
 * @since 0.1.0
 */
export const name = "present_plan"

/**
 * Why a call is refused in plan mode.
 *
 * @category constructors
 * @since 0.1.0
 */
export const reason = "the person wants a plan first, and nothing is changed before they agree to it"

/**
 * Whether a person is there who can agree to a plan. Where nobody is, the plan is the answer, and there is no tool for it.
 *
 * @category references
 * @since 0.1.0
 */
export class IsThere extends Context.Reference<IsThere>()("axonal/cli/assistant/plan/IsThere", {
  defaultValue: (): boolean => true
}) {}

/**
 * Makes the tool. What the person agrees to is carried out, with questions as usual.
 *
 * @category constructors
 * @since 0.1.0
 */
export const tool = (knobs: Knobs.Service): Tool.WithHandler => ({
  offered: IsThere,
  ...Tool.make(
    name,
    {
      description:
        "Presents a plan to the person, in plan mode only, once you know enough: what you would change, where, and how you " +
        "would check it. Nothing is changed before they agree.",
      parameters: {
        plan: Schema.String.pipe(Schema.minLength(1)).annotations({ description: "The plan, in Markdown" })
      },
      success: Schema.String,
      needsApproval: true,
      exclusive: true
    },
    () =>
      Effect.sync(() => {
        if (knobs.get().permission !== "plan") return "No plan has to be agreed to: go ahead."
        knobs.change({ permission: "ask" })
        return "The person agrees to this plan. Carry it out now."
      })
  )
})

/**
 * What the model is told when the mode is another than a session was last told; once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const told = (knobs: Knobs.Service): ((session: SessionId, isThere: boolean) => string | undefined) => {
  const known = new Map<SessionId, Permission>()
  return (session, isThere) => {
    const { permission } = knobs.get()
    const before = known.get(session)
    known.set(session, permission)
    if (permission === "plan") return before === "plan" ? undefined : isThere ? planning : answering
    return before === "plan" ? over : undefined
  }
}

// internal

const looking =
  "Plan mode is on: look at what there is, and change nothing; calls that change something are refused. Find out what you " +
  "need to know"

const planning = `${looking}, ask what only the person can answer, then call ${name} with your plan.`

const answering = `${looking}, then answer with your plan, in Markdown.`

const over = "Plan mode is off: you may carry out what was planned. The person is asked before something is changed."
