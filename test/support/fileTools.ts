/** The tools that read and change files, over a sandbox in memory, with what each call is answered. */
import * as Sandbox from "axonal/sandbox/Sandbox"
import * as EditFile from "axonal/toolbox/EditFile"
import * as PatchFile from "axonal/toolbox/PatchFile"
import * as ReadFile from "axonal/toolbox/ReadFile"
import * as WriteFile from "axonal/toolbox/WriteFile"
import { Effect } from "effect"
import { called } from "./toolCalls.ts"

export const fileTools = [ReadFile.make(), WriteFile.make(), EditFile.make(), PatchFile.lines(), PatchFile.diffs()]

/** What a model reads of a call. A failure says so in front. */
export const told = (name: string, input: unknown) =>
  Effect.map(called(fileTools, name, input), ({ outcome, text }) => (outcome === "ok" ? text : `${outcome}: ${text}`))

export const read = (path: string, range: object = {}) => told("read_file", { path, ...range })
export const edit = (path: string, ...edits: ReadonlyArray<object>) => told("edit_file", { path, edits })
export const write = (path: string, content: string) => told("write_file", { path, content })
export const patch = (path: string, ...patches: ReadonlyArray<object>) => told("patch_file", { path, patches })
export const apply = (path: string, diff: string) => told("apply_patch", { files: [{ path, diff }] })

/** A sandbox with these files, and nothing else. */
export const withFiles =
  (files: Readonly<Record<string, string | Uint8Array>>) =>
  <A, E>(effect: Effect.Effect<A, E, Sandbox.Sandbox>): Effect.Effect<A, E> =>
    Effect.provide(effect, Sandbox.layerMemory({ files }))

/** The bytes of a file as they are. */
export const bytesOf = (path: string) =>
  Effect.flatMap(Sandbox.Sandbox, (sandbox) => Effect.map(sandbox.read(path), ({ bytes }) => bytes))
