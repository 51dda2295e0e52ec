/**
 * The engine that containers are asked of, Docker or Podman, over its socket by the optional peer `dockerode`: where it is, how
 * long an answer may take, and what its refusals mean.
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import type Docker from "dockerode"
import * as Effect from "effect/Effect"
import type { Reason } from "../SandboxError.ts"
import { SandboxError } from "../SandboxError.ts"
import { codeOf } from "./confinedReasons.ts"

export interface Engine {
  readonly docker: Docker
  /** Where it listens, for errors. */
  readonly place: string
}

/** The engine at that socket, or where engines usually are. Nothing is asked of it yet. */
export const connect = (socketPath: string | undefined): Effect.Effect<Engine, SandboxError> =>
  Effect.map(peer, (Docker) => {
    const host = process.env.DOCKER_HOST
    if (socketPath === undefined && host !== undefined && host !== "") return { docker: new Docker(), place: host }
    const path = socketPath ?? usual()
    return { docker: new Docker({ socketPath: path }), place: path }
  })

/** Asks the engine something, for at most so long. */
export const ask = <A>(
  { place }: Engine,
  operation: string,
  subject: string,
  question: (options: { readonly abortSignal: AbortSignal }) => Promise<A>,
  mostMillis: number = usualMillis
): Effect.Effect<A, SandboxError> =>
  Effect.tryPromise({
    try: (signal) => question({ abortSignal: AbortSignal.any([signal, AbortSignal.timeout(mostMillis)]) }),
    catch: (error) => new SandboxError({ operation, subject, reason: reasonOf(place, error) })
  })

/** Whether it is Podman, which knows fewer words of some options. Fails when nobody answers there. */
export const isPodman = (engine: Engine): Effect.Effect<boolean, SandboxError> =>
  Effect.map(
    ask(engine, "make", "ContainerSandbox", () => engine.docker.version()),
    ({ Components = [] }) => Components.some(({ Name }) => /podman/i.test(Name))
  )

/** The status that the engine answered with, if it answered. */
export const statusOf = (error: unknown): number | undefined =>
  error instanceof Error && "statusCode" in error && typeof error.statusCode === "number" ? error.statusCode : undefined

/** Whether there is no such thing for the engine; any other refusal stays one. */
export const unlessMissing = <A>(
  engine: Engine,
  subject: string,
  question: (options: { readonly abortSignal: AbortSignal }) => Promise<A>
): Effect.Effect<A | undefined, SandboxError> =>
  ask(engine, "make", subject, async (options) => {
    try {
      return await question(options)
    } catch (error) {
      if (statusOf(error) === 404) return undefined
      throw error
    }
  })

export const unavailable = (operation: string, subject: string, problem: string): SandboxError =>
  new SandboxError({ operation, subject, reason: { _tag: "Unavailable", problem } })

export const invalid = (subject: string, problem: string): SandboxError =>
  new SandboxError({ operation: "make", subject, reason: { _tag: "Invalid", problem } })

/** The engine's own words, without what surrounds them. */
export const wordsOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replace(/^\(HTTP code \d+\) [^-]*- /, "").trim()

// internal

const usualMillis = 120_000

const peer = Effect.tryPromise({
  try: async () => (await import("dockerode")).default,
  catch: () => unavailable("make", "ContainerSandbox", "containers need an optional package: npm install dockerode")
})

/** The first socket that is there, of both engines, of the machine or of the user. */
const usual = (): string => {
  const run = process.env.XDG_RUNTIME_DIR
  const places = [
    "/var/run/docker.sock",
    Path.join(Os.homedir(), ".docker/run/docker.sock"),
    ...(run === undefined ? [] : [Path.join(run, "docker.sock"), Path.join(run, "podman/podman.sock")]),
    "/run/podman/podman.sock"
  ]
  return places.find((path) => Fs.existsSync(path)) ?? "/var/run/docker.sock"
}

const reasonOf = (place: string, error: unknown): Reason => {
  const status = statusOf(error)
  if (status !== undefined) return { _tag: "Unavailable", problem: `the container engine refused: ${wordsOf(error)}` }
  return { _tag: "Unavailable", problem: problemOf(place, error) }
}

const problemOf = (place: string, error: unknown): string => {
  switch (codeOf(error)) {
    case "ENOENT":
    case "ECONNREFUSED":
    case "ENOTFOUND":
      return (
        `no container engine listens at ${place}; start one (systemctl start docker, or podman system service), ` +
        "or say where it is by socketPath or DOCKER_HOST"
      )
    case "EACCES":
    case "EPERM":
      return `this user may not use the container engine at ${place}; join the group docker, or use a rootless Podman`
    case "ABORT_ERR":
    case "ERR_ABORTED":
      return `the container engine at ${place} did not answer in time`
    default:
      return `the container engine at ${place} broke off (${codeOf(error) ?? wordsOf(error)}); see whether it still runs`
  }
}
