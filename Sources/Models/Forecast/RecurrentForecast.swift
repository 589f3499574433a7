import Glibc

/// A recurrent network trained on windows of several series together, each window in units of its own mean.
package struct RecurrentForecast: SeriesModel, Equatable {
    package var network: RecurrentNetwork
    /// Values it looks back on.
    package var window: Int

    package func forecast(after history: [Double], horizon: Int) -> [Double] {
        guard history.count >= window else {
            return MeanForecast().forecast(after: history, horizon: horizon)
        }
        let (values, unit) = RecurrentForecast.scaled(history.suffix(window))
        let steps = network.predict(values).map { max(0, $0 * unit) }
        return (0..<horizon).map { steps[min($0, steps.count - 1)] }
    }

    /// In units of the window's mean absolute value, less one, so that an even window is zero.
    private static func scaled(_ values: ArraySlice<Double>) -> (values: [Double], unit: Double) {
        let mean = values.reduce(0) { $0 + abs($1) } / Double(values.count)
        let unit = mean > 0 ? mean : 1
        return (values.map { $0 / unit - 1 }, unit)
    }

    /// Adam (Kingma and Ba 2015) over batches of windows drawn by the seed.
    ///
    /// - Parameters:
    ///   - series: the histories learnt from, each cut off where the time to be foretold begins.
    ///   - horizon: steps ahead, at least 1.
    ///   - epochs: times that all drawn windows are gone through.
    ///   - windows: drawn at most.
    /// - Returns: nil where no series holds a window and its horizon.
    package static func trained(
        on series: [[Double]], window: Int = 28, horizon: Int, hidden: Int = 8, epochs: Int = 12,
        windows: Int = 400, seed: UInt64
    ) -> RecurrentForecast? {
        var generator = SeededGenerator(seed: seed)
        var network = RecurrentNetwork(hidden: hidden, outputs: horizon, using: &generator)
        let places = series.indices.flatMap { index in
            stride(from: 0, through: series[index].count - window - horizon, by: 1).map { (index, $0) }
        }
        guard !places.isEmpty else { return nil }
        var drawn =
            places.count <= windows
            ? places : (0..<windows).map { _ in places[generator.below(places.count)] }
        var moments = Moments(count: network.weights.count)
        for _ in 0..<epochs {
            for index in stride(from: drawn.count - 1, to: 0, by: -1) {
                drawn.swapAt(index, generator.below(index + 1))
            }
            for start in stride(from: 0, to: drawn.count, by: 16) {
                let batch = drawn[start..<min(start + 16, drawn.count)]
                var gradient = [Double](repeating: 0, count: network.weights.count)
                for (index, from) in batch {
                    let (values, unit) = scaled(series[index][from..<from + window])
                    let target = series[index][from + window..<from + window + horizon]
                    _ = network.accumulate(values, target: target.map { $0 / unit }, into: &gradient)
                }
                moments.step(&network.weights, gradient.map { $0 / Double(batch.count) })
            }
        }
        return RecurrentForecast(network: network, window: window)
    }

    private struct Moments {
        var first: [Double]
        var second: [Double]
        var steps = 0.0

        init(count: Int) {
            first = [Double](repeating: 0, count: count)
            second = first
        }

        mutating func step(_ weights: inout [Double], _ gradient: [Double]) {
            steps += 1
            let length = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let clip = length > 1 ? 1 / length : 1
            let (correctFirst, correctSecond) = (1 - pow(0.9, steps), 1 - pow(0.999, steps))
            for index in weights.indices {
                let slope = gradient[index] * clip
                first[index] = 0.9 * first[index] + 0.1 * slope
                second[index] = 0.999 * second[index] + 0.001 * slope * slope
                weights[index] -=
                    0.01 * (first[index] / correctFirst)
                    / ((second[index] / correctSecond).squareRoot() + 1e-8)
            }
        }
    }
}
