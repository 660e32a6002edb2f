/**
 * The templates in use: the built-in ones, and over them those of the project's folder
 * (`<kind>.html`, `<kind>.txt`). A subject is the HTML's `<title>`, or the text's first line when it
 * begins with `Subject: `. What has only HTML gets a plain part made from it.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { nearestName } from "../../../core/nearest-name.ts";
import { StartupError } from "../../../core/startup-error.ts";
import { builtInTemplate, type TemplateSource } from "./built-in-templates.ts";
import { kindNames, type MessageKind, type TemplateValues } from "./message-kinds.ts";
import { plainTextOf } from "./plain-text.ts";
import { escapeHtml, oneLine, parseTemplate, TemplateError } from "./template.ts";

export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export interface Templates {
  render(kind: MessageKind, values: TemplateValues): RenderedMail;
}

export interface TemplatesOptions {
  /** Relative to the project's folder. */
  readonly dir: string;
  readonly projectDir: string | null;
  /** Reads files anew for each message: in development. */
  readonly fresh: boolean;
}

const FILE_BYTES_MAX = 256 * 1024;
const FILE = /^([a-z_]+)\.(html|txt)$/;
const TITLE = /<title>([\s\S]*?)<\/title>/i;
const SUBJECT = /^Subject:[ \t]*(.*)\r?\n(?:\r?\n)?/;
/** As long as a header line may be. */
const SUBJECT_MAX = 200;

type Render = (values: TemplateValues) => RenderedMail;

/** @throws StartupError template_invalid: a fault is told at the start, not when somebody waits for a mail */
export function loadTemplates(options: TemplatesOptions): Templates {
  const folder = folderOf(options);
  const ready = readAll(folder);
  return {
    render(kind, values) {
      const all = options.fresh && folder !== null ? readAll(folder) : ready;
      const render = all.get(kind);
      if (!render) throw new Error(`no template for ${kind}`);
      return render(values);
    },
  };
}

function folderOf({ dir, projectDir }: TemplatesOptions): string | null {
  return dir === "" || projectDir === null ? null : resolve(projectDir, dir);
}

function readAll(folder: string | null): ReadonlyMap<MessageKind, Render> {
  const exists = folder !== null && existsSync(folder);
  if (exists) checkNames(folder);
  return new Map(
    kindNames.map((kind) => [
      kind,
      compile(exists ? sourceIn(folder, kind) : builtInTemplate(kind)),
    ]),
  );
}

/** A mistyped name would be a template that is never used. */
function checkNames(folder: string): void {
  for (const file of readdirSync(folder)) {
    const kind = FILE.exec(file)?.[1];
    if (kind === undefined || kindNames.includes(kind as MessageKind)) continue;
    throw new StartupError({
      code: "template_invalid",
      message: `${join(folder, file)} is a template of no mail`,
      hint: `Did you mean '${nearestName(kind, kindNames) ?? kindNames[0]}'? There are: ${kindNames.join(", ")}`,
    });
  }
}

function sourceIn(folder: string, kind: MessageKind): TemplateSource {
  const built = builtInTemplate(kind);
  const html = readFile(join(folder, `${kind}.html`));
  const text = readFile(join(folder, `${kind}.txt`));
  if (html === null && text === null) return built;
  const body = text?.replace(SUBJECT, "") ?? null;
  const subject = SUBJECT.exec(text ?? "")?.[1] ?? TITLE.exec(html ?? "")?.[1] ?? built.subject;
  check(join(folder, kind), [subject, html ?? "", body ?? ""]);
  // One that has only text is sent without HTML: the built-in one would say something else.
  return { subject, html: html ?? "", text: body ?? "" };
}

function readFile(path: string): string | null {
  if (!existsSync(path)) return null;
  const text = readFileSync(path, "utf8");
  if (Buffer.byteLength(text) <= FILE_BYTES_MAX) return text;
  throw invalid(path, `it is larger than ${FILE_BYTES_MAX} bytes`);
}

function check(path: string, sources: readonly string[]): void {
  for (const source of sources) {
    try {
      parseTemplate(source);
    } catch (error) {
      if (error instanceof TemplateError) throw invalid(path, error.message);
      throw error;
    }
  }
}

function invalid(path: string, reason: string): StartupError {
  return new StartupError({
    code: "template_invalid",
    message: `The mail template ${path} cannot be used: ${reason}`,
    hint: "docs/auth.md, 'Templates', says what a template may hold",
  });
}

function compile(source: TemplateSource): Render {
  const [subject, text, html] = [source.subject, source.text, source.html].map(parseTemplate);
  return (values) => {
    const rendered = html?.render(values, escapeHtml) ?? "";
    const plain = text?.render(values, oneLine) ?? "";
    return {
      subject: oneLine(subject?.render(values, oneLine) ?? "").slice(0, SUBJECT_MAX),
      text: plain === "" ? plainTextOf(rendered) : `${plain.replace(/\n{3,}/g, "\n\n").trim()}\n`,
      html: rendered,
    };
  };
}
