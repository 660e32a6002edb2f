/** `/auth/ui/account/profile`: name and e-mail address. */
import { updateUser } from "../../accounts/update-user.ts";
import { type Fault, field, form } from "../form-parts.ts";
import { html } from "../html.ts";
import { attempt, type Page } from "../page.ts";
import type { Form } from "../read-form.ts";
import { verifyPage } from "../ready-page.ts";
import { ACCOUNT, accountPage, backTo } from "./account-page.ts";
import type { Member } from "./member.ts";

const PATH = `${ACCOUNT}/profile`;

export function showProfile(member: Member): Page {
  const { user } = member;
  return profilePage(member, nameOf(member), user.email ?? "", null);
}

const nameOf = ({ user }: Member) => {
  const name = user.raw_user_meta_data?.["full_name"];
  return typeof name === "string" ? name : "";
};

/** A new address waits for its confirmation where addresses are confirmed. */
export async function takeProfile(member: Member, form: Form): Promise<Page> {
  const { state, caller, current, user } = member;
  const [name, email] = [form("full_name").trim(), form("email").trim()];
  const errand = { returnTo: PATH, login: null };
  const change = {
    ...(name === nameOf(member) ? {} : { data: { full_name: name === "" ? null : name } }),
    ...(email === (user.email ?? "") ? {} : { email }),
  };
  const link = verifyPage(state, caller, errand);
  const outcome = await attempt(() => updateUser(state, caller, current, change, link));
  if ("fault" in outcome) return profilePage(member, name, email, outcome.fault);
  const waits = "email" in change && outcome.done["email"] === (user.email ?? "");
  return backTo("/profile", waits ? "mail" : "saved");
}

function profilePage(member: Member, name: string, email: string, fault: Fault | null): Page {
  const children = html`${field({
    name: "full_name",
    label: "Name",
    type: "text",
    autocomplete: "name",
    value: name,
    optional: true,
    maxlength: 200,
    fault,
  })}
${field({ name: "email", label: "E-mail address", type: "email", autocomplete: "email", value: email, fault })}`;
  return accountPage(member, "/profile", {
    title: "Profile",
    fault,
    body: form({ action: PATH, csrf: member.csrf, children, submit: "Save" }),
  });
}
