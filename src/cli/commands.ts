/** Every command, in the order in which completion offers them. */
import { command as auth } from "./auth.ts";
import { command as backup } from "./backup.ts";
import type { Command } from "./command.ts";
import { command as completion } from "./completion.ts";
import { command as config } from "./config.ts";
import { command as context } from "./context.ts";
import { command as db } from "./db.ts";
import { command as deploy } from "./deploy.ts";
import { command as dev } from "./dev.ts";
import { command as doctor } from "./doctor.ts";
import { command as fn } from "./fn.ts";
import { command as init } from "./init.ts";
import { command as login } from "./login.ts";
import { command as logout } from "./logout.ts";
import { command as logs } from "./logs.ts";
import { command as migrate } from "./migrate.ts";
import { command as policy } from "./policy.ts";
import { command as restore } from "./restore.ts";
import { command as serve } from "./serve.ts";
import { command as sql } from "./sql.ts";
import { command as status } from "./status.ts";
import { command as stop } from "./stop.ts";
import { command as types } from "./types.ts";
import { command as vault } from "./vault.ts";
import { command as version } from "./version.ts";
import { command as whoami } from "./whoami.ts";

export const commands: readonly Command[] = [
  init,
  dev,
  serve,
  status,
  stop,
  deploy,
  migrate,
  db,
  sql,
  types,
  fn,
  auth,
  policy,
  vault,
  logs,
  doctor,
  config,
  context,
  login,
  logout,
  whoami,
  backup,
  restore,
  version,
  completion,
];
