/** @file Reference kernels of the element-wise operators. */
import { broadcastStrides, stridesOf } from "../../tensor/shape.ts";
import { type Shape, sizeOf } from "../../tensor/tensor.ts";
import type { Kernel, NumericTensor } from "./kernel.ts";

/** The kernel that applies `f` to every element. */
function unary(f: (x: number) => number): Kernel {
  return ({ inputs: [x], outputs: [type] }) => [{ ...type, data: x!.data.map(f) }];
}

/** The kernel that applies `f` to the corresponding elements of the broadcast inputs. */
function broadcast(f: (...elements: number[]) => number): Kernel {
  return ({ inputs, outputs: [type] }) => {
    const operands = inputs.filter((input) => input !== undefined).map((input) => expandedTo(input, type.shape));
    const data = new Float64Array(sizeOf(type.shape));
    for (let i = 0; i < data.length; i++) data[i] = f(...operands.map((operand) => operand[i]));
    return [{ ...type, data }];
  };
}

/** The elements of `tensor` repeated to fill `shape`. */
function expandedTo(tensor: NumericTensor, shape: Shape): Float64Array {
  const size = sizeOf(shape);
  if (tensor.data.length === size) return tensor.data;
  const [strides, targetStrides] = [broadcastStrides(tensor.shape, shape), stridesOf(shape)];
  const data = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    let source = 0;
    for (let axis = 0; axis < shape.length; axis++) {
      source += (Math.floor(i / targetStrides[axis]) % shape[axis]) * strides[axis];
    }
    data[i] = tensor.data[source];
  }
  return data;
}

export const Identity: Kernel = ({ inputs }) => [inputs[0]!];
export const Relu = unary((x) => Math.max(x, 0));
export const Add = broadcast((a, b) => a + b);
export const Mul = broadcast((a, b) => a * b);
export const Greater = broadcast((a, b) => Number(a > b));
export const Where = broadcast((condition, a, b) => (condition ? a : b));
