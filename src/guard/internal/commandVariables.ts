/**
 * Variables of the environment that decide what a command line does. They are data: a name, or the start of one.
 */

/** A change of this variable changes which programs the words of a line name, or what the line says. */
export const hijacks = (name: string): boolean => hijacking.has(name) || /^(?:LD_|DYLD_|BASH_)/.test(name)

/** A change of this variable can have another program run, or change what the one it is given to does. */
export const steers = (name: string): boolean => steering.has(name) || /^(?:GIT_|npm_config_|DOCKER_|GCONV)/i.test(name)

// internal

const listed = (names: string): ReadonlySet<string> => new Set(names.split(/\s+/))

const hijacking = listed(
  `PATH IFS HOME ENV SHELLOPTS BASHOPTS PS0 PS1 PS2 PS4 PROMPT_COMMAND SHELL CDPATH FPATH ZDOTDIR GLOBIGNORE EXECIGNORE
  POSIXLY_CORRECT`
)

const steering = listed(
  `EDITOR VISUAL PAGER MANPAGER LESSOPEN LESSCLOSE LESS BROWSER JAVA_TOOL_OPTIONS _JAVA_OPTIONS MAKEFLAGS TAR_OPTIONS
  RSYNC_RSH SSH_ASKPASS SUDO_ASKPASS NODE_OPTIONS NODE_PATH PERL5OPT PERL5LIB PERL5DB PYTHONPATH PYTHONSTARTUP PYTHONHOME
  PYTHONINSPECT PYTHONBREAKPOINT PYTHONWARNINGS RUBYOPT RUBYLIB PHPRC CLASSPATH CC CXX LD AR RUSTC RUSTC_WRAPPER GOFLAGS
  TMPDIR http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY HISTFILE`
)
