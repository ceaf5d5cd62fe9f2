import { Argument, type Command, type Option } from "commander";
import { shellWord } from "../model/shell-word.ts";
import { command } from "./terminal/command.ts";

/** @param program the program whose commands and options are completed */
export function completionCommand(program: Command): Command {
  return command("completion", {
    summary: "prints a shell completion script",
    description: `Completes app-roles on the PATH (npm install -g app-roles). To install it:
  Bash: add to ~/.bashrc: eval "$(app-roles completion bash)"
  Zsh: add to ~/.zshrc, after compinit: eval "$(app-roles completion zsh)"
  Fish: add to ~/.config/fish/config.fish: app-roles completion fish | source`,
    example: 'eval "$(app-roles completion bash)"',
  })
    .addArgument(new Argument("<SHELL>").choices(Object.keys(scripts)))
    .action((shell: Shell) => console.log(scripts[shell](program)));
}

/** Completion scripts by shell. */
export const scripts = { bash, zsh, fish };
export type Shell = keyof typeof scripts;

function bash(program: Command): string {
  const { name, commands } = partsOf(program);
  const cases = commands.map(
    ({ name, options, args }) =>
      `    ${name}) flags=${shellWord(words(options.map(({ long }) => long)))} choices=${shellWord(words(args.flatMap(choicesOf)))} ;;`,
  );
  const values = commands
    .flatMap((each) => each.options.filter((option) => option.argChoices).map((option) => ({ each, option })))
    .map(
      ({ each, option }) =>
        `    ${shellWord(`${each.name} ${option.long}`)}) choices=${shellWord(words(choicesOf(option)))} ;;`,
    );
  return `_app_roles() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} flags= choices=
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W ${shellWord(words(commands.map((each) => each.name)))} -- "$word"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join("\n")}
  esac
  case "\${COMP_WORDS[1]} $previous" in
${values.join("\n")}
  esac
  if [[ $word == -* ]]; then choices=$flags; fi
  COMPREPLY=($(compgen -W "$choices" -- "$word"))
}
complete -o default -F _app_roles ${name}`;
}

function zsh(program: Command): string {
  const { name, commands } = partsOf(program);
  const described = commands.map((each) => shellWord(`${each.name}:${each.summary}`));
  const inZsh = (text: string) => text.replaceAll(/[\\[\]:]/g, "\\$&");
  const value = (option: Option) =>
    option.required ? `:${option.long}:${option.argChoices ? `(${words(option.argChoices)})` : "_files"}` : "";
  const cases = commands.map(({ name, options, args }) => {
    const flags = options.map((option) => shellWord(`*${option.long}[${inZsh(option.description)}]${value(option)}`));
    const operands = args.map((argument) => shellWord(`:${argument.name()}:(${words(choicesOf(argument))})`));
    return `    ${name}) _arguments ${words([...flags, ...operands])} ;;`;
  });
  return `#compdef ${name}
_app_roles() {
  local -a commands=(${words(described)})
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  shift words
  ((CURRENT--))
  case $words[1] in
${cases.join("\n")}
  esac
}
compdef _app_roles ${name}`;
}

function fish(program: Command): string {
  const { name, commands } = partsOf(program);
  const lines = commands.flatMap((each) => {
    const inside = shellWord(`__fish_seen_subcommand_from ${each.name}`);
    const flags = each.options.map((option) => {
      const values = option.argChoices ? ` -xa ${shellWord(words(option.argChoices))}` : option.required ? " -rF" : "";
      return `complete -c ${name} -n ${inside} -l ${option.long?.slice(2)}${values} -d ${shellWord(option.description)}`;
    });
    const operands = each.args
      .filter(({ argChoices }) => argChoices)
      .map((argument) => `complete -c ${name} -n ${inside} -fa ${shellWord(words(choicesOf(argument)))}`);
    return [
      `complete -c ${name} -n __fish_use_subcommand -fa ${each.name} -d ${shellWord(each.summary)}`,
      ...flags,
      ...operands,
    ];
  });
  return lines.join("\n");
}

function partsOf(program: Command) {
  const commands = program.commands.map((each) => ({
    name: each.name(),
    summary: each.summary(),
    options: each.createHelp().visibleOptions(each),
    args: each.registeredArguments,
  }));
  return { name: program.name(), commands };
}

function choicesOf({ argChoices = [] }: Option | Argument): string[] {
  return argChoices;
}

function words(all: (string | undefined)[]): string {
  return all.filter((each) => each !== undefined).join(" ");
}
