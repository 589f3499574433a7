import Glibc

/// One layer of long short-term memory over a window of values and a linear head for each step ahead
/// (Hochreiter and Schmidhuber 1997; the forget gate of Gers, Schmidhuber and Cummins 2000). Gates in the order
/// input, forget, cell, output, each of a value, the hidden state before and a bias.
///
/// It sees the series' own past and nothing else: no value of a later day can reach a forecast.
package struct RecurrentNetwork: Sendable, Equatable {
    package let hidden: Int
    package let outputs: Int
    /// W [4h], U [4h · h], b [4h], V [outputs · h], c [outputs], one after the other.
    package var weights: [Double]

    package init(hidden: Int, outputs: Int, weights: [Double]? = nil) {
        self.hidden = hidden
        self.outputs = outputs
        let count = RecurrentNetwork.count(hidden: hidden, outputs: outputs)
        self.weights = weights ?? [Double](repeating: 0, count: count)
        precondition(self.weights.count == count)
    }

    /// Small and random; the forget gate open at first (Jozefowicz and others 2015).
    package init(hidden: Int, outputs: Int, using generator: inout SeededGenerator) {
        self.init(hidden: hidden, outputs: outputs)
        let reach = 1 / Double(hidden).squareRoot()
        for index in weights.indices { weights[index] = (2 * generator.uniform() - 1) * reach }
        let bias = 4 * hidden + 4 * hidden * hidden
        for unit in hidden..<2 * hidden { weights[bias + unit] = 1 }
    }

    package static func count(hidden: Int, outputs: Int) -> Int {
        4 * hidden + 4 * hidden * hidden + 4 * hidden + outputs * hidden + outputs
    }

    private var recurrent: Int { 4 * hidden }
    private var bias: Int { recurrent + 4 * hidden * hidden }
    private var head: Int { bias + 4 * hidden }
    private var offset: Int { head + outputs * hidden }

    /// What one pass leaves for the way back.
    struct Trace {
        /// After each step: gates [4h], cell [h], hidden [h]; the first step's before is zero.
        var gates: [Double]
        var cells: [Double]
        var states: [Double]
        var outputs: [Double]
    }

    /// - Parameter window: at least 1 value, the oldest first.
    /// - Returns: shape [outputs].
    package func predict(_ window: [Double]) -> [Double] { forward(window).outputs }

    func forward(_ window: [Double]) -> Trace {
        let h = hidden
        let steps = window.count
        var trace = Trace(
            gates: [Double](repeating: 0, count: steps * 4 * h),
            cells: [Double](repeating: 0, count: (steps + 1) * h),
            states: [Double](repeating: 0, count: (steps + 1) * h), outputs: [])
        for t in 0..<steps {
            for row in 0..<4 * h {
                var sum = weights[row] * window[t] + weights[bias + row]
                for j in 0..<h { sum += weights[recurrent + row * h + j] * trace.states[t * h + j] }
                trace.gates[t * 4 * h + row] = row / h == 2 ? tanh(sum) : 1 / (1 + exp(-sum))
            }
            for j in 0..<h {
                let gate = t * 4 * h + j
                let cell =
                    trace.gates[gate + h] * trace.cells[t * h + j]
                    + trace.gates[gate] * trace.gates[gate + 2 * h]
                trace.cells[(t + 1) * h + j] = cell
                trace.states[(t + 1) * h + j] = trace.gates[gate + 3 * h] * tanh(cell)
            }
        }
        trace.outputs = (0..<outputs).map { output in
            (0..<h).reduce(weights[offset + output]) {
                $0 + weights[head + output * h + $1] * trace.states[steps * h + $1]
            }
        }
        return trace
    }

    /// Adds the gradient of half the mean squared error of one window, by back-propagation through time.
    ///
    /// - Returns: half the mean squared error.
    package func accumulate(
        _ window: [Double], target: [Double], into gradient: inout [Double]
    ) -> Double {
        let h = hidden
        let trace = forward(window)
        let errors = zip(trace.outputs, target).map { ($0 - $1) / Double(outputs) }
        var dState = [Double](repeating: 0, count: h)
        for (output, error) in errors.enumerated() {
            gradient[offset + output] += error
            for j in 0..<h {
                gradient[head + output * h + j] += error * trace.states[window.count * h + j]
                dState[j] += error * weights[head + output * h + j]
            }
        }
        var dCell = [Double](repeating: 0, count: h)
        for t in stride(from: window.count - 1, through: 0, by: -1) {
            back(trace, window[t], t, &dState, &dCell, &gradient)
        }
        return zip(trace.outputs, target).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            / (2 * Double(outputs))
    }

    private func back(
        _ trace: Trace, _ value: Double, _ t: Int, _ dState: inout [Double], _ dCell: inout [Double],
        _ gradient: inout [Double]
    ) {
        let h = hidden
        var dGates = [Double](repeating: 0, count: 4 * h)
        for j in 0..<h {
            let gate = t * 4 * h + j
            let (i, f) = (trace.gates[gate], trace.gates[gate + h])
            let (g, o) = (trace.gates[gate + 2 * h], trace.gates[gate + 3 * h])
            let squashed = tanh(trace.cells[(t + 1) * h + j])
            let cell = dCell[j] + dState[j] * o * (1 - squashed * squashed)
            dGates[j] = cell * g * i * (1 - i)
            dGates[h + j] = cell * trace.cells[t * h + j] * f * (1 - f)
            dGates[2 * h + j] = cell * i * (1 - g * g)
            dGates[3 * h + j] = dState[j] * squashed * o * (1 - o)
            dCell[j] = cell * f
        }
        for j in 0..<h { dState[j] = 0 }
        for row in 0..<4 * h {
            gradient[row] += dGates[row] * value
            gradient[bias + row] += dGates[row]
            for j in 0..<h {
                gradient[recurrent + row * h + j] += dGates[row] * trace.states[t * h + j]
                dState[j] += dGates[row] * weights[recurrent + row * h + j]
            }
        }
    }
}
