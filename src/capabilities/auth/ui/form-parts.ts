/** The parts forms are made of. Each input has a label; a fault is tied to its input and announced. */
import { CSRF_FIELD } from "./csrf.ts";
import { type Child, type Html, html } from "./html.ts";

/** What was wrong with a form. */
export interface Fault {
  readonly status: number;
  /** A sentence for the person. */
  readonly message: string;
  /** Name of the input it is about; null = the form. */
  readonly field: string | null;
}

export interface FieldOptions {
  readonly name: string;
  /** Where the name stands on the page more than once. */
  readonly id?: string;
  readonly label: string;
  readonly type?: "text" | "email" | "password" | "tel";
  /** HTML §4.10.18.7.1: lets browsers and password managers fill it (WCAG 2.2, 1.3.5). */
  readonly autocomplete: string;
  readonly value?: string;
  readonly hint?: string;
  readonly optional?: boolean;
  readonly inputmode?: "numeric" | "text";
  readonly maxlength?: number;
  readonly fault: Fault | null;
}

export function field(options: FieldOptions): Html {
  const { name, id = name, label, hint, fault } = options;
  const isFaulty = fault?.field === name;
  const described = [hint && `${id}-hint`, isFaulty && `${id}-error`].filter(Boolean).join(" ");
  const isPlain = options.type === undefined || options.type === "password";
  return html`<div class="field">
<label for="${id}">${label}</label>
${hint ? html`<p class="hint" id="${id}-hint">${hint}</p>` : null}
${isFaulty ? html`<p class="error" id="${id}-error">${fault.message}</p>` : null}
<input id="${id}" name="${name}" type="${options.type ?? "text"}" autocomplete="${options.autocomplete}"
  value="${options.value ?? ""}" maxlength="${options.maxlength ?? 1024}"
  ${options.inputmode ? html`inputmode="${options.inputmode}"` : null}
  ${isPlain ? null : html`autocapitalize="none" spellcheck="false"`}
  ${options.optional ? null : html`required`}
  ${described === "" ? null : html`aria-describedby="${described}"`}
  ${isFaulty ? html`aria-invalid="true"` : null}>
</div>`;
}

/** The fault of a form, said first; with a link to the input it is about. */
export function faultNotice(fault: Fault | null): Html | null {
  if (!fault) return null;
  const { field: name, message } = fault;
  return html`<div class="notice danger" role="alert">
<p>${name === null ? message : html`<a href="#${name}">${message}</a>`}</p>
</div>`;
}

export interface FormOptions {
  readonly action: string;
  readonly csrf: string;
  readonly children: Child;
  /** Words of the button. */
  readonly submit: string;
  readonly kind?: "primary" | "secondary" | "danger";
  /** Says what the button is about where its words alone do not. */
  readonly submitLabel?: string;
  readonly id?: string;
}

export function form(options: FormOptions): Html {
  const { submitLabel, id } = options;
  return html`<form method="post" action="${options.action}" ${id ? html`id="${id}"` : null}>
<input type="hidden" name="${CSRF_FIELD}" value="${options.csrf}">
${options.children}
<button type="submit" class="${options.kind ?? "primary"}" ${
    submitLabel ? html`aria-label="${submitLabel}"` : null
  }>${options.submit}</button>
</form>`;
}

/** A question with two answers, sent as `decision`: `approve` or `deny`. */
export function decisionForm(options: {
  readonly action: string;
  readonly csrf: string;
  readonly children: Child;
  readonly approve: string;
  readonly deny: string;
}): Html {
  return html`<form method="post" action="${options.action}" class="stack">
<input type="hidden" name="${CSRF_FIELD}" value="${options.csrf}">
${options.children}
<button type="submit" name="decision" value="approve">${options.approve}</button>
<button type="submit" name="decision" value="deny" class="secondary">${options.deny}</button>
</form>`;
}
