/** Why a template cannot be built like that: a sentence for people. */
export class TemplateRefusal extends Error {
  readonly code = "template_does_not_fit";
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.name = "TemplateRefusal";
    this.reason = reason;
  }
}
