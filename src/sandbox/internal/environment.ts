/**
 * What commands see of the environment of this process: names that say where things are and how to write, none that may hold
 * a secret.
 */

/** Names that every command may know. One with a star stands for all that begin so. */
const harmless = ["PATH", "HOME", "LANG", "LANGUAGE", "LC_*", "TERM", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL"]

/** Where programs are looked for when nothing says so. */
export const usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/** The environment of commands: what is let through of that of the host, over it what is given. */
export const environment = (
  host: Readonly<Record<string, string | undefined>>,
  inherit: ReadonlyArray<string>,
  given: Readonly<Record<string, string>>
): Readonly<Record<string, string>> => {
  const passes = [...harmless, ...inherit].map(isCalled)
  const through = Object.entries(host).flatMap(([name, value]) =>
    value !== undefined && passes.some((passed) => passed(name)) ? [[name, value] as const] : []
  )
  return { PATH: usualPath, ...Object.fromEntries(through), ...given }
}

/** What is wrong with names and values that go into an environment, if anything is. */
export const fault = (variables: Readonly<Record<string, string>>): string | undefined => {
  for (const [name, value] of Object.entries(variables)) {
    if (name === "" || /[=\0]/.test(name))
      return "a name in its environment is empty or has an equals sign or NUL in it"
    if (value.includes("\0")) return `the value of ${name} in its environment has NUL in it`
  }
  return undefined
}

// internal

const isCalled = (pattern: string): ((name: string) => boolean) => {
  if (!pattern.endsWith("*")) return (name) => name === pattern
  const beginning = pattern.slice(0, -1)
  return (name) => name.startsWith(beginning)
}
