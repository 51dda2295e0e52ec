/**
 * Repositories in which looking has no other program run. What git looks up in a repository may name programs, and a checkout
 * may bring a repository within itself.
 */
import { existsSync, lstatSync, readFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"

/**
 * Whether git only looks when it is told to look, in this folder. Without a repository it does not.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isPlain = (folder: string): boolean => {
  try {
    for (let at = folder; ; at = dirname(at)) {
      const git = join(at, ".git")
      const found = lstatSync(git, { throwIfNoEntry: false })
      if (found?.isDirectory()) return isHarmless(git)
      if (found !== undefined) return found.isFile() && isHarmless(resolve(at, pointed(git, /^gitdir: (.+)$/m)))
      // A repository without files of its own, which git takes for one, too.
      if (existsSync(join(at, "HEAD")) && existsSync(join(at, "objects"))) return false
      if (dirname(at) === at) return false
    }
  } catch {
    return false
  }
}

// internal

const most = 100_000

const pointed = (file: string, pattern: RegExp): string => pattern.exec(textOf(file))?.[1]?.trim() ?? "/"

const textOf = (file: string): string => {
  const { size } = lstatSync(file)
  if (size > most) throw new RangeError(`${file} is too long`)
  return readFileSync(file, "utf8")
}

const isHarmless = (git: string): boolean => {
  const common = existsSync(join(git, "commondir")) ? resolve(git, pointed(join(git, "commondir"), /^(.+)$/m)) : git
  const configs = [join(common, "config"), join(git, "config.worktree")].filter((file) => existsSync(file))
  return (
    existsSync(join(git, "HEAD")) &&
    !configs.some((file) => telling.test(textOf(file))) &&
    !existsSync(join(common, "hooks", "post-index-change"))
  )
}

/** Settings that name programs or other files, and those of repositories that fetch what they lack. */
const telling =
  /(?:^|\])\s*(?:(?:fsmonitor|pager|external|textconv|command|clean|smudge|process|program|path|worktree|hookspath|sshcommand|attributesfile|alternaterefscommand|difffilter|promisor|partialclone\w*)\s*(?:=|$|[#;])|\[\s*(?:include|pager|filter|gpg))/im
