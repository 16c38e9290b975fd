import { imageInput } from "./image-input.ts";
import { Network } from "./network.ts";
import { ofSize, type Size } from "./sizes.ts";
import type { TrainingTemplate } from "./template.ts";

/** ResNet for small pictures (He et al. 2016, section 4.2): 16, 32 and 64 filters, each as many blocks. One block each is the ResNet-8 of MLPerf Tiny. */
export const resNet: TrainingTemplate = {
  id: "resnet",
  title: "Residual network",
  description: "ResNet-8, -14 and -20 for small colour pictures, such as 32 × 32. Learns more than the small network, and takes longer.",
  suits: "images",
  presets: [{ id: "small", title: "ResNet-8" }, { id: "medium", title: "ResNet-14" }, { id: "large", title: "ResNet-20" }] satisfies { id: Size; title: string }[],
  write: ({ input, answers }, preset, seed) => {
    imageInput(input, resNet.title);
    const blocks = ofSize(preset, { small: 1, medium: 2, large: 3 });
    const network = new Network("resnet", input, seed).conv(16, [3, 3], null, { isSame: true, hasBias: false }).batchNorm("Relu");
    for (const filters of [16, 32, 64]) for (let block = 0; block < blocks; block += 1) residual(network, filters, filters > 16 && block === 0 ? 2 : 1);
    return network.globalAverage().dense(answers, null);
  },
};

function residual(network: Network, filters: number, stride: number): void {
  const from = network.value;
  const strides = [stride, stride];
  network.conv(filters, [3, 3], null, { isSame: true, strides, hasBias: false }).batchNorm("Relu").conv(filters, [3, 3], null, { isSame: true, hasBias: false }).batchNorm(null);
  const through = network.value;
  network.value = from;
  if (stride > 1 || network.dims[1] !== filters) network.conv(filters, [1, 1], null, { strides, isSame: true, hasBias: false }).batchNorm(null);
  network.add(through, "Relu");
}
