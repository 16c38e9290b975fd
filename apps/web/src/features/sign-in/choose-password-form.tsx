"use client";
import { Button } from "../../components/ui/button.tsx";
import { Field, Input } from "../../components/ui/field.tsx";
import { ErrorNote } from "../../components/ui/notice.tsx";
import { apiSend } from "../../lib/api-client.ts";
import { FocusFirstField } from "./focus-first-field.tsx";
import { useSubmit } from "./use-submit.ts";

/** Uses a one-time link up: the person chooses a password and is signed in. */
export function ChoosePasswordForm({ token }: { token: string }) {
  const form = useSubmit(async ({ newPassword = "" }) => {
    await apiSend("POST", "/session/link", { token, newPassword });
    location.assign("/");
  });
  return (
    <form onSubmit={form.onSubmit} className="space-y-4" method="post">
      <FocusFirstField />
      <Field label="New password" hint="At least 10 characters. It ends all your other sessions." error={form.faultOf("newPassword")}>
        <Input name="newPassword" type="password" autoComplete="new-password" required minLength={10} maxLength={128} />
      </Field>
      {form.error !== null && <ErrorNote>{form.error}</ErrorNote>}
      <Button type="submit" kind="primary" size="lg" busy={form.busy} className="w-full">Save and sign in</Button>
    </form>
  );
}
