import { Argument, type Command } from "commander";
import { command } from "../terminal/command.ts";
import { type Shell, scripts } from "./scripts.ts";

/** @param program whose commands and options are completed */
export function completionCommand(program: Command): Command {
  return command("completion", {
    summary: "prints a script that completes commands and options in your shell",
    description: `Where to put it:
  Bash: into ~/.bashrc: eval "$(app-roles completion bash)"
  Zsh: into ~/.zshrc, after compinit: eval "$(app-roles completion zsh)"
  Fish: app-roles completion fish > ~/.config/fish/completions/app-roles.fish`,
    example: 'eval "$(app-roles completion bash)"',
  })
    .addArgument(new Argument("<SHELL>").choices(Object.keys(scripts)))
    .action((shell: Shell) => console.log(scripts[shell](program)));
}
