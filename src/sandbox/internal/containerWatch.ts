/**
 * Tells what happens below a folder of a container, by looking at all of it again and again: its system tells nobody outside.
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { Change, FileInfo, Service } from "../Sandbox.ts"
import { SandboxError } from "../SandboxError.ts"
import type { Files } from "./containerFiles.ts"

/** `watch` of a container, which looks twice a second. More than `most` files are not followed. */
export const watch =
  (files: Files, most: number): Service["watch"] =>
  (path) => {
    const look = Effect.flatMap(files.below("watch", path, "all"), (found) =>
      found.length <= most
        ? Effect.succeed(new Map(found.map((info) => [info.path, info] as const)))
        : Effect.fail(
            new SandboxError({
              operation: "watch",
              subject: path,
              reason: { _tag: "Unavailable", problem: `more than ${most} files lie below it; watch a part of it` }
            })
          )
    )
    return Stream.unwrap(
      Effect.map(look, (first) =>
        Stream.repeatEffect(Effect.zipRight(Effect.sleep("500 millis"), look)).pipe(
          Stream.mapAccum(first, (before, now) => [now, changes(before, now)] as const),
          Stream.flattenIterables
        )
      )
    )
  }

// internal

type Seen = ReadonlyMap<string, FileInfo>

/** What is removed comes with the deepest first, and what is created with folders before what is in them. */
const changes = (before: Seen, now: Seen): ReadonlyArray<Change> => {
  const removed = [...before.values()].filter(({ kind, path }) => now.get(path)?.kind !== kind).reverse()
  const others = [...now.values()].flatMap(({ kind, path, version }): ReadonlyArray<Change> => {
    const old = before.get(path)
    if (old?.kind !== kind) return [{ path, kind: "created" }]
    return kind === "folder" || old.version === version ? [] : [{ path, kind: "changed" }]
  })
  return [...removed.map(({ path }) => ({ path, kind: "removed" as const })), ...others]
}
