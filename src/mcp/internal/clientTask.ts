/**
 * Calls of tools: most answer at once, some only start a task whose result is asked for until it is there. A task whose
 * caller goes is cancelled.
 */
import * as Effect from "effect/Effect"
import { within } from "./clientEnding.ts"
import type { Failure } from "./clientFailure.ts"
import { bounded, failure } from "./clientFailure.ts"
import type { Json } from "./clientJson.ts"
import { isJson, jsonOf, numberOf, textOf } from "./clientJson.ts"
import type { Connection, RequestOptions } from "./clientModel.ts"

/** Calls a tool, as a task if it has to be one. */
export const call = (
  connection: Connection,
  tool: { readonly name: string; readonly isTask: boolean },
  input: Json,
  options: RequestOptions
): Effect.Effect<Json, Failure> => {
  const params = { name: tool.name, arguments: input }
  const sent = connection.request("tools/call", tool.isTask ? { ...params, task: {} } : params, options)
  return Effect.flatMap(sent, (result) => {
    const task = result["task"]
    return isJson(task) && !("content" in result) ? followed(connection, task, options) : Effect.succeed(result)
  })
}

// internal

const followed = (connection: Connection, task: Json, options: RequestOptions): Effect.Effect<Json, Failure> => {
  const taskId = textOf(task["taskId"])
  if (taskId === undefined) return Effect.fail(failure("Malformed", "it started a task without an id"))
  const show = (status: Json) => {
    const message = textOf(status["statusMessage"])
    return message === undefined || options.onProgress === undefined ? Effect.void : options.onProgress({ message })
  }
  const result = connection.request("tasks/result", { taskId }, options)
  const next = (status: Json): Effect.Effect<Json, Failure> => {
    switch (status["status"]) {
      case "completed":
      // What it asks for comes while the result is waited for.
      case "input_required":
        return result
      case "failed":
      case "cancelled":
        return Effect.fail(failure("Refused", ended(status)))
      default: {
        const pause = Math.min(5000, Math.max(50, numberOf(status["pollInterval"]) ?? 1000))
        const asked = Effect.zipRight(Effect.sleep(pause), connection.request("tasks/get", { taskId }, options))
        return Effect.flatMap(asked, (now) =>
          Effect.zipRight(now["statusMessage"] === status["statusMessage"] ? Effect.void : show(now), next(jsonOf(now)))
        )
      }
    }
  }
  return Effect.onInterrupt(Effect.zipRight(show(task), next(task)), () =>
    within(connection.request("tasks/cancel", { taskId }, { timeout: options.timeout }), "1 second")
  )
}

const ended = (status: Json): string =>
  `the task ${status["status"] === "failed" ? "failed" : "was cancelled"}${
    textOf(status["statusMessage"]) === undefined ? "" : `: ${bounded(textOf(status["statusMessage"]) ?? "")}`
  }`
