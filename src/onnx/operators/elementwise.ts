/** @file Functions of one number, arithmetic, comparisons, and changes of the element type. */
import { UnsupportedError } from "../../errors.ts";
import { isFloating, sizeOf } from "../../tensor/tensor.ts";
import { dataTypeOfNumber } from "../file/tensor-proto.ts";
import { erf } from "./arithmetic/erf.ts";
import { roundHalfToEven } from "./arithmetic/round-half-to-even.ts";
import { broadcastTo } from "./arithmetic/strided.ts";
import { type Kernel, operator } from "./operator.ts";
import {
  binary,
  binaryWith,
  broadcast,
  broadcastShape,
  comparison,
  likeFirst,
  testOfFirst,
  unary,
  unaryWith,
  variadic,
} from "./pointwise.ts";

export const Identity = operator({
  inputs: "*",
  shape: likeFirst,
  kernel: ({ inputs: [x] }) => [x],
  traits: ["elementwise", "moves", "view"],
});

/** What it is at inference or with ratio 0: the input, and a mask that keeps everything. The training form is an UnsupportedError. */
export const Dropout = operator({
  inputs: "f F? b?",
  attributes: "seed:int",
  shape: ({ where, inputs: [x, ratio, mode], constant }) => {
    const isTraining = mode !== undefined && constant(2)?.data[0] !== 0;
    const drops = ratio === undefined || constant(1)?.data[0] !== 0;
    if (!isTraining || !drops) return [x, { dtype: "bool", shape: x.shape }];
    throw new UnsupportedError({
      where,
      what: "Dropout in training mode, which gives another result each time",
      advice: "Export the model in evaluation mode.",
    });
  },
  kernel: ({ inputs: [x, ratio, training], outputs: [, mask], where }) => {
    if (training?.data[0] && ratio?.data[0] !== 0) {
      throw new UnsupportedError({ where, what: "is in training mode", advice: "Export the model for inference." });
    }
    return [x, { ...mask, data: new Float64Array(x.data.length).fill(1) }];
  },
  traits: ["elementwise", "keepsSign"],
});

// Arithmetic

const add = variadic((a, b) => a + b);

export const Add = operator({ inputs: "n n", shape: broadcast, kernel: add, traits: ["broadcasting", "affine"] });
export const Sub = operator({
  inputs: "n n",
  shape: broadcast,
  kernel: binary((a, b) => a - b),
  traits: ["broadcasting", "affine"],
});
export const Mul = operator({
  inputs: "n n",
  shape: broadcast,
  kernel: binary((a, b) => a * b),
  traits: ["broadcasting", "affine"],
});
/** Integers are divided toward zero. */
export const Div = operator({
  inputs: "n n",
  shape: broadcast,
  kernel: binaryWith((dtype) => (isFloating(dtype) ? (a, b) => a / b : (a, b) => Math.trunc(a / b))),
  traits: ["broadcasting", "affine"],
});
export const Sum = operator({ inputs: "n+", shape: broadcast, kernel: add, traits: ["broadcasting"] });
export const Mean = operator({
  inputs: "f+",
  shape: broadcast,
  kernel: (call) => {
    const [total] = add(call);
    return [{ ...total, data: total.data.map((x) => x / call.inputs.length) }];
  },
  traits: ["broadcasting"],
});
export const Max = operator({ inputs: "n+", shape: broadcast, kernel: variadic(Math.max), traits: ["broadcasting"] });
export const Min = operator({ inputs: "n+", shape: broadcast, kernel: variadic(Math.min), traits: ["broadcasting"] });
/** Integers are rounded toward zero, as when a float power is cast to the base's type. */
export const Pow = operator({
  inputs: "N N",
  shape: broadcast,
  kernel: binaryWith((dtype) => (isFloating(dtype) ? (a, b) => a ** b : (a, b) => Math.trunc(a ** b))),
  traits: ["broadcasting"],
});
/** The result has the dividend's sign if `fmod` is set, otherwise the divisor's. */
export const Mod = operator({
  inputs: "n n",
  attributes: "fmod:int",
  shape: broadcast,
  kernel: binaryWith((_, { attributes }) => {
    if (attributes.int("fmod", 0) !== 0) return (a, b) => a % b;
    return (a, b) => {
      const rest = a % b;
      return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
    };
  }),
  traits: ["broadcasting"],
});
export const Where = operator({
  inputs: "b a a",
  shape: ({ where, inputs }) => [{ dtype: inputs[1].dtype, shape: broadcastShape(where, inputs) }],
  kernel: ({ inputs: [condition, a, b], outputs: [type] }) => {
    const [test, yes, no] = [condition, a, b].map((input) => broadcastTo(input, type.shape));
    const data = new Float64Array(sizeOf(type.shape));
    for (let i = 0; i < data.length; i++) data[i] = test[i] ? yes[i] : no[i];
    return [{ ...type, data }];
  },
  traits: ["broadcasting"],
});

// Comparisons and logic

export const Less = operator({
  inputs: "n n",
  shape: comparison,
  kernel: binary((a, b) => Number(a < b)),
  traits: ["broadcasting"],
});
export const LessOrEqual = operator({
  inputs: "n n",
  shape: comparison,
  kernel: binary((a, b) => Number(a <= b)),
  traits: ["broadcasting"],
});
export const Greater = operator({
  inputs: "n n",
  shape: comparison,
  kernel: binary((a, b) => Number(a > b)),
  traits: ["broadcasting"],
});
export const GreaterOrEqual = operator({
  inputs: "n n",
  shape: comparison,
  kernel: binary((a, b) => Number(a >= b)),
  traits: ["broadcasting"],
});
export const Equal = operator({
  inputs: "a a",
  shape: comparison,
  kernel: binary((a, b) => Number(a === b)),
  traits: ["broadcasting"],
});
export const And = operator({
  inputs: "b b",
  shape: comparison,
  kernel: binary((a, b) => a && b),
  traits: ["broadcasting"],
});
export const Or = operator({
  inputs: "b b",
  shape: comparison,
  kernel: binary((a, b) => a || b),
  traits: ["broadcasting"],
});
export const Xor = operator({
  inputs: "b b",
  shape: comparison,
  kernel: binary((a, b) => Number(a !== b)),
  traits: ["broadcasting"],
});
export const Not = operator({
  inputs: "b",
  shape: likeFirst,
  kernel: unary((x) => Number(!x)),
  traits: ["elementwise"],
});
export const IsNaN = operator({
  inputs: "f",
  shape: testOfFirst,
  kernel: unary((x) => Number(Number.isNaN(x))),
  traits: ["elementwise"],
});
export const IsInf = operator({
  inputs: "f",
  attributes: "detect_negative:int detect_positive:int",
  shape: testOfFirst,
  kernel: unaryWith(({ attributes }) => {
    const [negative, positive] = [attributes.int("detect_negative", 1), attributes.int("detect_positive", 1)];
    return (x) => Number((positive && x === Infinity) || (negative && x === -Infinity));
  }),
  traits: ["elementwise"],
});

// Element types

/** To integers toward zero, to bool by comparison with 0; floats keep float64's precision whatever they are called. */
const converted: Kernel = ({ inputs: [x], outputs: [type] }) => {
  if (type.dtype === "bool") return [{ ...type, data: x.data.map((value) => Number(value !== 0)) }];
  return [{ ...type, data: isFloating(type.dtype) ? x.data : x.data.map(Math.trunc) }];
};

export const Cast = operator({
  inputs: "*",
  attributes: "saturate:int to:int",
  shape: ({ inputs: [x], attributes, where }) => {
    const to = attributes.int("to");
    const dtype = dataTypeOfNumber(to);
    if (dtype === undefined)
      throw new UnsupportedError({
        where,
        what: `cannot cast to element type number ${to}`,
        advice: "Export the model with float32 values.",
      });
    return [{ dtype, shape: x.shape }];
  },
  kernel: converted,
  traits: ["elementwise", "view"],
});
export const CastLike = operator({
  inputs: "* *",
  attributes: "saturate:int",
  shape: ({ inputs: [x, like] }) => [{ dtype: like.dtype, shape: x.shape }],
  kernel: converted,
  traits: ["elementwise", "view"],
});

// Functions of one number

export const Neg = operator({ inputs: "n", shape: likeFirst, kernel: unary((x) => -x), traits: ["elementwise"] });
export const Abs = operator({
  inputs: "n",
  shape: likeFirst,
  kernel: unary(Math.abs),
  traits: ["elementwise", "nonNegative"],
});
export const Sign = operator({
  inputs: "n",
  shape: likeFirst,
  kernel: unary(Math.sign),
  traits: ["elementwise", "keepsSign"],
});
export const Sqrt = operator({
  inputs: "f",
  shape: likeFirst,
  kernel: unary(Math.sqrt),
  traits: ["elementwise", "nonNegative"],
});
export const Exp = operator({
  inputs: "f",
  shape: likeFirst,
  kernel: unary(Math.exp),
  traits: ["elementwise", "nonNegative"],
});
export const Log = operator({ inputs: "f", shape: likeFirst, kernel: unary(Math.log), traits: ["elementwise"] });
export const Reciprocal = operator({
  inputs: "f",
  shape: likeFirst,
  kernel: unary((x) => 1 / x),
  traits: ["elementwise"],
});
export const Erf = operator({ inputs: "n", shape: likeFirst, kernel: unary(erf), traits: ["elementwise"] });
export const Floor = operator({
  inputs: "f",
  shape: likeFirst,
  kernel: unary(Math.floor),
  traits: ["elementwise", "keepsSign"],
});
export const Ceil = operator({
  inputs: "f",
  shape: likeFirst,
  kernel: unary(Math.ceil),
  traits: ["elementwise", "keepsSign"],
});
export const Round = operator({
  inputs: "f",
  shape: likeFirst,
  kernel: unary(roundHalfToEven),
  traits: ["elementwise", "keepsSign"],
});
export const Sin = operator({ inputs: "f", shape: likeFirst, kernel: unary(Math.sin), traits: ["elementwise"] });
export const Cos = operator({ inputs: "f", shape: likeFirst, kernel: unary(Math.cos), traits: ["elementwise"] });
export const Tan = operator({ inputs: "f", shape: likeFirst, kernel: unary(Math.tan), traits: ["elementwise"] });
export const Asin = operator({ inputs: "f", shape: likeFirst, kernel: unary(Math.asin), traits: ["elementwise"] });
export const Acos = operator({ inputs: "f", shape: likeFirst, kernel: unary(Math.acos), traits: ["elementwise"] });
export const Atan = operator({ inputs: "f", shape: likeFirst, kernel: unary(Math.atan), traits: ["elementwise"] });
export const Sinh = operator({ inputs: "f", shape: likeFirst, kernel: unary(Math.sinh), traits: ["elementwise"] });
export const Cosh = operator({ inputs: "f", shape: likeFirst, kernel: unary(Math.cosh), traits: ["elementwise"] });
export const Asinh = operator({ inputs: "f", shape: likeFirst, kernel: unary(Math.asinh), traits: ["elementwise"] });
export const Acosh = operator({ inputs: "f", shape: likeFirst, kernel: unary(Math.acosh), traits: ["elementwise"] });
export const Atanh = operator({ inputs: "f", shape: likeFirst, kernel: unary(Math.atanh), traits: ["elementwise"] });
