/** Three ways people cut their devices, ready to be changed. */
export const fleetExamples = [
  { name: "canary", title: "A canary group", why: "Devices you may break first. Give them the label canary=true.", query: "canary=true" },
  { name: "site-lab", title: "One site", why: "Everything at one place, by a label you gave at enrolment.", query: "site=lab" },
  { name: "arm-boards", title: "One kind of hardware", why: "The device class is a label too, so hardware can be chosen like anything else.", query: "class in (pi4,pi5,jetson-nano)" },
] as const;
