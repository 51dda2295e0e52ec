/** Real folders and links to judge paths in, and a path guard over them with answers that are given in turn. */
import * as FileSystem from "@effect/platform/FileSystem"
import type * as Path from "@effect/platform/Path"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { SessionId } from "../../src/domain/Ids.ts"
import * as Approval from "../../src/guard/Approval.ts"
import type * as Guard from "../../src/guard/Guard.ts"
import * as PathGuard from "../../src/guard/PathGuard.ts"
import * as Calls from "./calls.ts"

export const callOf = (tool: string, input: unknown, session = "session"): Guard.Call =>
  Calls.callOf(tool, input, { session: SessionId.make(session) })

/** Folders and links as the attempts want them, below a temporary folder that has no links on its way. */
export const world = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const root = yield* Effect.flatMap(files.makeTempDirectoryScoped(), files.realPath)
  for (const folder of ["work/sub", "work/.git", "docs", "outside/folder", "workshop", "home"]) {
    yield* files.makeDirectory(`${root}/${folder}`, { recursive: true })
  }
  for (const file of ["work/a.txt", "work/sub/b.txt", "work/.git/config", "docs/guide.md", "outside/secret.txt"]) {
    yield* files.writeFileString(`${root}/${file}`, file)
  }
  const links = {
    "work/link-in": "sub",
    "work/link-out": "../outside",
    "work/link-file": "../outside/secret.txt",
    "work/link-abs": `${root}/outside`,
    "work/link-chain": "link-out",
    "work/link-root": "/",
    "work/link-up": "..",
    "work/link-deep": "../outside/folder",
    "work/link-git": ".git",
    "work/broken-out": "../outside/nothing",
    "work/broken-in": "nowhere",
    "work/broken-chain": "broken-out",
    "work/loop-a": "loop-b",
    "work/loop-b": "loop-a",
    "work/loop-self": "loop-self",
    "docs/out": "../outside"
  }
  for (const [link, target] of Object.entries(links)) yield* files.symlink(target, `${root}/${link}`)
  return root
})

export const tools: Record<string, PathGuard.ToolPaths> = {
  read: { path: "read" },
  write: { path: "write" },
  remove: { path: "entry" },
  move: { from: "entry", to: "entry" },
  batch: { paths: "read" },
  edit: { "edits.*.path": "write" },
  grep: { path: "read", filename: "none" },
  shell: { cwd: "folder", file: "read" }
}

export const optionsOf = (root: string): PathGuard.Options => ({
  roots: [
    { path: `${root}/work`, access: "write" },
    { path: `${root}/work/.git`, access: "none" },
    { path: `${root}/docs`, access: "read" }
  ],
  home: `${root}/home`,
  tools
})

/** A guard in a world of its own, with an approver that gives the answers in turn and keeps what it was asked. */
export const guarded = (...answers: ReadonlyArray<Approval.Answer>) => guardedWith({}, ...answers)
export const guardedWith = (options: Partial<PathGuard.Options>, ...answers: ReadonlyArray<Approval.Answer>) =>
  Effect.gen(function* () {
    const root = yield* world
    const guard = yield* PathGuard.make({ ...optionsOf(root), ...options })
    const asked: Array<Approval.Question> = []
    const approval = guard.remembering({
      ask: (question) => Effect.sync(() => answers[asked.push(question) - 1] ?? { approved: false })
    })
    /** What becomes of a call, as the loop would have it: judged, asked about, judged again. */
    const runs = (tool: string, input: unknown, session?: string) =>
      Effect.gen(function* () {
        const call = callOf(tool, input, session)
        const verdict = yield* guard.check(call)
        if (verdict._tag !== "Ask") return verdict._tag
        const { category, reason } = verdict
        const decision = yield* approval.ask({ call: { ...call, input: verdict.input ?? input }, reason, category })
        return Approval.isLater(decision) ? "later" : decision.approved ? "approved" : "rejected"
      })
    return { root, guard, asked, runs }
  })

export const test = <E>(title: string, body: Effect.Effect<void, E, FileSystem.FileSystem | Path.Path | Scope.Scope>) =>
  it.scoped(title, () => Effect.provide(body, NodeContext.layer))
