/**
 * The life of a container: made and started for a sandbox or found again by its name, ended with the sandbox or with this
 * process, however that ends.
 */
import { createHash, randomBytes } from "node:crypto"
import * as Os from "node:os"
import type Docker from "dockerode"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import type { SandboxError } from "../SandboxError.ts"
import type { Engine } from "./containerEngine.ts"
import { ask, invalid, statusOf, unavailable, unlessMissing, wordsOf } from "./containerEngine.ts"
import * as ProcessTable from "./processTable.ts"

/** What a container is to be. */
export interface Plan {
  readonly image: string
  readonly name: string | undefined
  readonly keep: boolean
  readonly pull: "never" | "missing"
  readonly folder: string
  /** Who owns the folder, if it is not from the host. */
  readonly owner: string | undefined
  readonly labels: Readonly<Record<string, string>>
  /** What the engine is told, as far as it does not belong to this process. */
  readonly settings: Docker.ContainerCreateOptions & { readonly HostConfig: Docker.HostConfig }
}

/** The id of a container that runs, as long as the scope. */
export const acquire = (engine: Engine, plan: Plan): Effect.Effect<string, SandboxError, Scope.Scope> =>
  Effect.gen(function* () {
    if ((yield* unlessMissing(engine, plan.image, () => engine.docker.getImage(plan.image).inspect())) === undefined)
      yield* pulled(engine, plan)
    const name = plan.name ?? `axonal-${randomBytes(8).toString("hex")}`
    const found = plan.name === undefined ? undefined : yield* usable(engine, plan, name)
    const { id } = yield* Effect.acquireRelease(
      (found === undefined
        ? created(engine, plan, name)
        : Effect.map(started(engine, found), (id): Running => ({ id, held: undefined }))
      ).pipe(Effect.tapError(() => (found === undefined ? Effect.ignore(removed(engine, name)) : Effect.void))),
      ({ held, id }) =>
        Effect.ensuring(
          Effect.ignoreLogged(plan.keep ? stopped(engine, id) : removed(engine, id)),
          // The engine leaves the connection open, and an open one keeps this process from ending.
          Effect.sync(() => destroyed(held))
        )
    )
    return id
  })

// internal

/** A container that runs, and the connection to its input. */
interface Running {
  readonly id: string
  readonly held: NodeJS.ReadWriteStream | undefined
}

/** Closes a connection, both ways, whatever the other end does. */
const destroyed = (stream: NodeJS.ReadableStream | undefined): void => {
  if (stream !== undefined && "destroy" in stream && typeof stream.destroy === "function") stream.destroy()
}

const label = "io.axonal.sandbox"

/** This process, for another one that finds its container. */
const self = (): string => `${Os.hostname()} ${process.pid} ${ProcessTable.make().startOf(process.pid)}`

/** Whether that process still is there. One of another machine may be. */
const lives = (owner: string): boolean => {
  const [host, pid, begun] = owner.split(" ")
  if (host !== Os.hostname()) return true
  const now = ProcessTable.make().startOf(Number(pid))
  return now !== 0 && String(now) === begun
}

const digest = (plan: Plan): string =>
  createHash("sha256")
    .update(JSON.stringify([plan.image, plan.folder, plan.owner, plan.settings]))
    .digest("hex")
    .slice(0, 16)

const pulled = (engine: Engine, { image, pull }: Plan): Effect.Effect<void, SandboxError> => {
  if (pull === "never")
    return unavailable(
      "make",
      image,
      `the container engine has no image ${image}; get it (docker pull ${image}), or set pull`
    )
  return ask(
    engine,
    "make",
    image,
    async ({ abortSignal }) => {
      const progress = await engine.docker.pull(image, { abortSignal })
      await new Promise<void>((resolve, reject) => {
        const stop = (): void => {
          destroyed(progress)
          reject(new Error("it took too long"))
        }
        abortSignal.addEventListener("abort", stop)
        engine.docker.modem.followProgress(progress, (error) => (error === null ? resolve() : reject(error)))
      })
    },
    pullMillis
  ).pipe(
    Effect.mapError(({ reason }) =>
      unavailable(
        "make",
        image,
        `the container engine has no image ${image}, and could not get it (${"problem" in reason ? reason.problem : reason._tag})`
      )
    )
  )
}

const pullMillis = 30 * 60_000

/** The container of that name that can be used again. One that a process left behind that is gone is removed. */
const usable = (engine: Engine, plan: Plan, name: string): Effect.Effect<string | undefined, SandboxError> =>
  Effect.gen(function* () {
    const found = yield* unlessMissing(engine, name, (options) => engine.docker.getContainer(name).inspect(options))
    if (found === undefined) return undefined
    const remove = `; remove it (docker rm -f ${name}), or choose another name`
    const { Labels: labels } = found.Config
    const owner = labels[label]
    if (owner === undefined)
      return yield* invalid(name, `a container of this name is there that is no sandbox${remove}`)
    const isKept = labels[`${label}.keep`] === "true"
    if (lives(owner) && (!isKept || found.State.Running))
      return yield* invalid(name, `the container is in use by another sandbox (of process ${owner})${remove}`)
    if (!isKept) return yield* Effect.as(removed(engine, name), undefined)
    if (labels[`${label}.settings`] !== digest(plan))
      return yield* invalid(
        name,
        `the container is there with other settings, or a mount or an image other than these${remove}`
      )
    return found.Id
  })

const created = (engine: Engine, plan: Plan, name: string): Effect.Effect<Running, SandboxError> =>
  Effect.gen(function* () {
    const { docker } = engine
    const { HostConfig: host, ...settings } = plan.settings
    const mark = { [label]: self(), [`${label}.keep`]: String(plan.keep), [`${label}.settings`]: digest(plan) }
    const volume = plan.keep && plan.owner !== undefined ? `${name}-files` : undefined
    if (volume !== undefined) yield* owned(engine, plan, volume, plan.owner ?? "")
    const container = yield* ask(engine, "make", plan.image, (options) =>
      docker.createContainer({
        ...options,
        ...settings,
        name,
        Image: plan.image,
        Labels: { ...plan.labels, ...mark },
        Entrypoint: [],
        Cmd: ["/bin/sh", "-c", "while read -r line; do :; done"],
        OpenStdin: true,
        StdinOnce: !plan.keep,
        HostConfig: {
          ...host,
          AutoRemove: !plan.keep,
          ...(volume === undefined ? {} : { Mounts: [volumeAt(volume, plan.folder)] })
        }
      })
    )
    // Its input ends with this process, and the container with its input.
    const held = plan.keep
      ? undefined
      : yield* ask(engine, "make", plan.image, async (options) => {
          const input = await container.attach({ ...options, stream: true, stdin: true, hijack: true })
          input.on("error", () => {})
          input.resume()
          return input
        })
    return { id: yield* started(engine, container.id), held }
  }).pipe(Effect.mapError(explained(plan)))

/** A volume that belongs to the user of the sandbox, which only one with more rights can make so. */
const owned = (engine: Engine, plan: Plan, volume: string, owner: string): Effect.Effect<void, SandboxError> =>
  Effect.acquireUseRelease(
    ask(engine, "make", plan.image, (options) =>
      engine.docker.createContainer({
        ...options,
        Image: plan.image,
        User: "0:0",
        Entrypoint: [],
        Cmd: ["/bin/sh", "-c", 'exec chown "$0" "$1"', owner, plan.folder],
        HostConfig: {
          NetworkMode: "none",
          ReadonlyRootfs: true,
          CapDrop: ["ALL"],
          CapAdd: ["CHOWN"],
          SecurityOpt: ["no-new-privileges"],
          Mounts: [volumeAt(volume, plan.folder)]
        }
      })
    ),
    (container) =>
      ask(engine, "make", plan.image, async (options) => {
        await container.start(options)
        const { StatusCode } = await container.wait(options)
        if (StatusCode !== 0) throw new Error(`${owner} cannot own ${plan.folder}; the image needs chown and that user`)
      }),
    (container) => Effect.ignore(ask(engine, "make", plan.image, () => container.remove({ force: true })))
  )

/** The folder of the image is not copied, nor are its rights. */
const volumeAt = (volume: string, folder: string): Docker.MountSettings => ({
  Type: "volume",
  Source: volume,
  Target: folder,
  VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: "local", Options: {} } }
})

const started = (engine: Engine, id: string): Effect.Effect<string, SandboxError> =>
  ask(engine, "make", id, async (options) => {
    try {
      await engine.docker.getContainer(id).start(options)
    } catch (error) {
      // It runs already.
      if (statusOf(error) !== 304) throw error
    }
    return id
  })

const stopped = (engine: Engine, id: string): Effect.Effect<void, SandboxError> =>
  ask(engine, "make", id, async (options) => {
    try {
      await engine.docker.getContainer(id).stop({ ...options, t: 1 })
    } catch (error) {
      if (statusOf(error) !== 304 && statusOf(error) !== 404) throw error
    }
  })

/** Removes a container with all that runs in it and what it kept, and waits until it is gone. */
const removed = (engine: Engine, name: string): Effect.Effect<void, SandboxError> => {
  const container = engine.docker.getContainer(name)
  const remove = ask(engine, "make", name, async (options) => {
    try {
      const { Mounts: mounts } = await container.inspect(options)
      await container.remove({ ...options, force: true, v: true })
      for (const { Name: volume } of mounts)
        if (volume === `${name}-files`) await engine.docker.getVolume(volume).remove(options)
    } catch (error) {
      if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error
    }
  })
  const isGone = unlessMissing(engine, name, (options) => container.inspect(options)).pipe(
    Effect.map((found) => found === undefined)
  )
  return Effect.zipRight(
    remove,
    Effect.asVoid(
      Effect.repeat(isGone, {
        until: (gone) => gone,
        schedule: Schedule.upTo(Schedule.spaced("20 millis"), "20 seconds")
      })
    )
  )
}

/** What to do about what the engine says when it makes a container. */
const explained =
  ({ image }: Plan) =>
  (error: SandboxError): SandboxError => {
    const words = error.message
    const hint = hints.find(([pattern]) => pattern.test(words))?.[1]
    return hint === undefined ? error : unavailable("make", image, `${wordsOf(error)}; ${hint}`)
  }

const hints: ReadonlyArray<readonly [RegExp, string]> = [
  [/\/bin\/sh.*(no such file|not found)|executable file.*not found/i, "the image needs /bin/sh; take one with a shell"],
  [
    /docker-init|catatonit|init binary/i,
    "install the engine's init (apt install tini for Docker, catatonit for Podman)"
  ],
  [/network .*not found/i, "make the network, or choose none or bridge"],
  [/name .*already in use/i, "another process has just taken the name; try again, or choose another one"],
  [/bind source path|no such file or directory.*mount/i, "the folder of mount is not there for the engine"],
  // Whoever asks a moment later hears that it is gone, and not why.
  [
    /no such container|marked for removal|is not running|stopped container/i,
    "it ended at once: the image needs /bin/sh"
  ]
]
