import { intAttribute } from "@flotilla/runtime/ir";
import { frontAxis, ofOne, type Rule } from "./rule.ts";

const RANGES: Readonly<Record<string, readonly [number, number]>> = { uint8: [0, 255], int8: [-128, 127], uint16: [0, 65_535], int16: [-32_768, 32_767] };

/** What was kept is scaled up as it was on the way forward (Srivastava et al. 2014, inverted). */
const dropout: Rule = ({ math, inputs, saved: { mask = "" }, gradient, constant }) => {
  const [share = 0.5] = constant(inputs[1]) ?? [];
  return [math.scale(math.masked(gradient, mask), 1 / (1 - share))];
};

/** Straight through: rounding passes the gradient, and cutting off does not (Bengio, Léonard and Courville 2013; Jacob et al. 2018). */
const quantize: Rule = ({ math, node, inputs: [x = "", scale = "", zeroPoint = ""], outputs: [y = ""], gradient, dims }) => {
  const shape = dims(x);
  const [low, high] = RANGES[math.builder.typeOf(y).elementType] ?? [-128, 127];
  const axis = frontAxis(intAttribute(node, "axis", 1), shape.length);
  const spread = (value: string): string => (dims(value).length === 1 ? math.reshape(value, shape.map((_, at) => (at === axis ? (dims(value)[0] ?? 1) : 1))) : value);
  const zero = zeroPoint === "" ? math.constant(0, x) : spread(math.cast(zeroPoint, math.builder.typeOf(x).elementType));
  const bound = (level: number): string => math.multiply(math.subtract(math.constant(level, x), zero), spread(scale));
  return [math.masked(gradient, math.both(math.compare("GreaterOrEqual", x, bound(low)), math.compare("LessOrEqual", x, bound(high))))];
};

export const STOCHASTIC: Readonly<Record<string, Rule>> = {
  Dropout: dropout,
  QuantizeLinear: quantize,
  DequantizeLinear: ofOne(({ gradient }) => gradient),
};
