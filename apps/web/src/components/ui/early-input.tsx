"use client";
import { useEffect } from "react";

type EarlyField = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** What early-input-script.ts gathered: what each field was given last, and the form that was sent. */
type EarlyInput = { fields: Map<EarlyField, string | boolean>; sent: { form: HTMLFormElement; by: HTMLElement | null } | null };

declare global {
  interface Window {
    flotillaEarlyInput?: () => EarlyInput;
  }
}

/** Stands at the end of a page. Once the page listens, it is told what was typed and sent before, as if it happened now. */
export function EarlyInput() {
  // The effect runs when the part of the page that this stands in has been hydrated: events on any other part are lost.
  useEffect(() => {
    const soon = setTimeout(() => {
      const early = window.flotillaEarlyInput?.();
      delete window.flotillaEarlyInput;
      if (early === undefined) return;
      for (const [field, given] of early.fields) if (field.isConnected) giveAgain(field, given);
      // The form is sent with what the fields have told it, and React tells it after this task.
      if (early.sent !== null) setTimeout(sendAgain, 0, early.sent);
    }, 0);
    return () => clearTimeout(soon);
  }, []);
  return null;
}

/** React drops an event after which a field holds what it held: the field is given something else first. */
function giveAgain(field: EarlyField, given: string | boolean): void {
  if (typeof given === "boolean") {
    (field as HTMLInputElement).checked = !given;
    field.click();
  } else if (field instanceof HTMLSelectElement || field.type === "file") {
    if (field.type !== "file") field.value = given;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  } else {
    field.value = given === "" ? "0" : "";
    // Past the setter by which React follows the field.
    const prototype = field instanceof HTMLTextAreaElement ? HTMLTextAreaElement.prototype : HTMLInputElement.prototype;
    Object.getOwnPropertyDescriptor(prototype, "value")?.set?.call(field, given);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

function sendAgain({ form, by }: NonNullable<EarlyInput["sent"]>): void {
  if (!form.isConnected) return;
  const isItsButton = (by instanceof HTMLButtonElement || by instanceof HTMLInputElement) && by.isConnected && by.form === form;
  form.requestSubmit(isItsButton ? by : undefined);
}
