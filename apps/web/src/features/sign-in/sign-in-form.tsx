"use client";
import { Button } from "../../components/ui/button.tsx";
import { Field, Input } from "../../components/ui/field.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { ApiProblem } from "../../lib/api-client.ts";
import { FocusFirstField } from "./focus-first-field.tsx";
import { useSubmit } from "./use-submit.ts";

export function SignInForm({ next }: { next: string }) {
  const form = useSubmit(async ({ email = "", password = "" }) => {
    const answer = await fetch("/api/auth/sign-in/email", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ email, password }) });
    if (!answer.ok) throw new ApiProblem(answer.status, (await answer.json().catch(() => ({}))) as object);
    location.assign(next);
  });
  return (
    <form onSubmit={form.onSubmit} className="space-y-4" method="post">
      <FocusFirstField />
      <Field label="E-mail"><Input name="email" type="email" autoComplete="username" required /></Field>
      <Field label="Password"><Input name="password" type="password" autoComplete="current-password" required /></Field>
      {form.error !== null && <ErrorNote>{form.error}</ErrorNote>}
      <Button type="submit" kind="primary" size="lg" busy={form.busy} className="w-full">Sign in</Button>
      <p className="text-xs text-pretty text-muted">No account, or a lost password? An admin can give you a sign-in link under Settings, People.</p>
    </form>
  );
}
