import module from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

// In the user's home: Node's default is a folder in /tmp, where another user could leave code for this one to run.
module.enableCompileCache(join(homedir(), ".cache", "app-roles", "compile-cache"));
