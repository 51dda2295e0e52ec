/**
 * A real container engine for tests: Docker's own, on a socket in a temporary folder, with images made of this machine's files.
 * It ends with the process that started it, however that one ends. Where none can run there is a reason instead.
 */
import { execFile, spawn } from "node:child_process"
import { existsSync, mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { createInterface } from "node:readline"
import { promisify } from "node:util"
import { afterAll, describe, it } from "@effect/vitest"

export interface Engine {
  readonly folder: string
  readonly socketPath: string
  /** What the engine's own client answers. */
  readonly client: (...words: ReadonlyArray<string>) => Promise<string>
  /** Ends the engine, and the containers with it, before the tests end. */
  readonly halt: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** The images: tools of busybox, those of GNU with the machine's shell, a shell alone, and one that has none. */
export const images = { busybox: "local/busybox", gnu: "local/gnu", bare: "local/bare", empty: "local/empty" } as const

const programs = ["dockerd", "containerd", "runc", "docker", "busybox", "docker-init"]

const isThere = (name: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((folder) => existsSync(join(folder, name)))

/** Why there can be no engine here, or nothing. */
const missing = (): string | undefined => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "an engine of its own needs root on Linux"
  const absent = programs.filter((name) => !isThere(name))
  return absent.length === 0
    ? undefined
    : `${absent.join(", ")} not found; get them with: apt-get install docker.io iptables busybox-static`
}

/** Says `ready` or `failed`, reads commands until its input closes, and leaves nothing behind. */
const script = `
trap '' INT TERM HUP
cd "$1" || exit
client() { DOCKER_CONFIG=$PWD command docker -H "unix://$PWD/docker.sock" "$@"; }
fail() { tail -n 5 log >&2; echo failed; end "$1"; exit; }
end() { kill $engine 2>>log; wait $engine 2>>log; kill $(cat exec/containerd/containerd.pid) 2>>log
  for place in $(grep -o " $PWD/[^ ]*" /proc/mounts); do umount -l "$place" 2>>log; done
  cd / && rm -rf "$1"; }
(trap - INT TERM HUP; exec dockerd --data-root "$1/data" --exec-root "$1/exec" -p "$1/pid" -H "unix://$1/docker.sock" \\
  --bridge=none --iptables=false --ip6tables=false --shutdown-timeout 2 >log 2>&1 </dev/null) &
engine=$!
mkdir -p b/bin b/tmp b/proc b/dev b/sys b/etc g/bin g/tmp g/proc g/dev g/sys g/etc n e/none && chmod 1777 b/tmp g/tmp
echo 'root:x:0:0::/:/bin/sh' | tee b/etc/passwd >g/etc/passwd
cp "$(command -v busybox)" b/bin/busybox
for name in $(busybox --list); do [ "$name" = busybox ] || ln -s busybox "b/bin/$name"; done
for name in sh cat chmod dd find head ln mkdir mv readlink rm rmdir stat tail true env id ls mkfifo mknod pwd setsid sleep stty; do
  file=$(command -v $name); case $file in /*) ;; *) file=/bin/$name;; esac
  cp -L "$file" g/bin/$name
  for library in $(ldd "$file" | grep -o '/[^ ]*'); do
    [ -e "g$library" ] || { mkdir -p "g\${library%/*}" && cp -L "$library" "g$library"; }
  done
done
cp -r g/. n; for file in n/bin/*; do [ "$file" = n/bin/sh ] || rm "$file"; done
i=0; until client version >>log 2>&1; do
  i=$((i+1)); kill -0 $engine 2>>log && [ $i -lt 300 ] || fail "$1"; sleep 0.1
done
for image in b:busybox g:gnu n:bare e:empty; do
  tar -C \${image%%:*} -c . | client import - local/\${image##*:} >>log 2>&1 || fail "$1"
done
client run --rm --init --network none --memory 64m local/busybox /bin/true >>log 2>&1 || fail "$1"
echo ready
while read -r command; do
  [ "$command" = halt ] && { kill $engine; wait $engine; echo ready; } 2>>log
done
end "$1"
`

/** Starts an engine, or answers why there is none. */
const start = async (): Promise<Engine | string> => {
  const reason = missing()
  if (reason !== undefined) return reason
  const folder = mkdtempSync(join(tmpdir(), "axonal-engine-"))
  const child = spawn("sh", ["-c", script, "sh", folder], { detached: true, stdio: "pipe" })
  let complaints = ""
  child.stderr.on("data", (data) => (complaints += data))
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()))
  if ((await answers.next()).value !== "ready") {
    await closed
    return `the engine does not run here: ${complaints.trim()}`
  }
  const socketPath = join(folder, "docker.sock")
  const environment = { ...process.env, DOCKER_CONFIG: folder }
  return {
    folder,
    socketPath,
    client: async (...words) =>
      (await promisify(execFile)("docker", ["-H", `unix://${socketPath}`, ...words], { env: environment })).stdout,
    halt: async () => {
      child.stdin.write("halt\n")
      await answers.next()
    },
    stop: async () => {
      child.stdin.end()
      await closed
    }
  }
}

/** Declares tests with an engine of their own, or that they are skipped, and why. */
export const suite = async (name: string, tests: (engine: Engine) => void): Promise<void> => {
  const engine = await start()
  if (typeof engine === "string") {
    console.warn(`${name} is not tested with an engine: ${engine}`)
    describe.skip(name, () => it("needs a container engine", () => {}))
    return
  }
  afterAll(engine.stop)
  tests(engine)
}
