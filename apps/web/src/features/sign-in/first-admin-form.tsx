"use client";
import { Button } from "../../components/ui/button.tsx";
import { Field, Input } from "../../components/ui/field.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { apiSend } from "../../lib/api-client.ts";
import { FocusFirstField } from "./focus-first-field.tsx";
import { useSubmit } from "./use-submit.ts";

export function FirstAdminForm({ token }: { token: string }) {
  const form = useSubmit(async ({ name = "", email = "", password = "" }) => {
    await apiSend("POST", "/session/first-admin", { token, name, email, password });
    location.assign("/");
  });
  return (
    <form onSubmit={form.onSubmit} className="space-y-4" method="post">
      <FocusFirstField />
      <Field label="Your name" error={form.faultOf("name")}><Input name="name" autoComplete="name" required maxLength={100} /></Field>
      <Field label="E-mail" error={form.faultOf("email")}><Input name="email" type="email" autoComplete="username" required maxLength={254} /></Field>
      <Field label="Password" hint="At least 10 characters." error={form.faultOf("password")}><Input name="password" type="password" autoComplete="new-password" required minLength={10} maxLength={128} /></Field>
      {(form.error !== null || form.faultOf("token") !== undefined) && <ErrorNote>{form.error ?? "The link is not complete. Open it again as it was printed."}</ErrorNote>}
      <Button type="submit" kind="primary" size="lg" busy={form.busy} className="w-full">Create admin</Button>
    </form>
  );
}
