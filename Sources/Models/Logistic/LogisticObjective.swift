import Glibc

/// The weighted log loss of a logistic regression with its gradient and Hessian, in one pass over the rows.
///
/// Columns are taken centred and divided by their deviation, so that Newton's steps are well conditioned
/// whatever the units; parameter d is the intercept. Rows are taken in blocks that stay in the cache, each
/// block column by column, so that every inner loop is over neighbours in memory.
struct LogisticObjective {
    let table: FeatureTable
    let labels: [UInt8]
    let weights: [Double]?
    let mean: [Double]
    let scale: [Double]

    /// At one point, shapes [], [d + 1], [d + 1 · d + 1] (lower triangle).
    struct Value {
        var loss: Double
        var gradient: [Double]
        var hessian: [Double]
    }

    private static let block = 256
    private typealias Lanes = SIMD4<Double>

    func callAsFunction(_ parameters: [Double]) -> Value {
        let size = table.width + 1
        var value = Value(
            loss: 0, gradient: [Double](repeating: 0, count: size),
            hessian: [Double](repeating: 0, count: size * size))
        let block = LogisticObjective.block
        let scratch = UnsafeMutablePointer<Double>.allocate(capacity: (size + 3) * block)
        defer { scratch.deallocate() }
        scratch.initialize(repeating: 0, count: (size + 3) * block)
        let residual = scratch + size * block
        let curvature = residual + block
        let weighted = curvature + block
        for start in stride(from: 0, to: table.rows, by: block) {
            let count = min(block, table.rows - start)
            load(into: scratch, start: start, count: count)
            LogisticObjective.combine(scratch, parameters, into: residual)
            value.loss += links(residual, curvature, start: start, count: count)
            accumulate(&value, scratch, residual, curvature, weighted)
        }
        return value
    }

    /// The block's columns in standard units and the column of ones; 0 behind the last row.
    private func load(into scratch: UnsafeMutablePointer<Double>, start: Int, count: Int) {
        let block = LogisticObjective.block
        table.values.withUnsafeBufferPointer { values in
            for column in 0..<table.width {
                let from = values.baseAddress! + column * table.rows + start
                let to = scratch + column * block
                let (middle, inverse) = (mean[column], 1 / scale[column])
                for row in 0..<count { to[row] = (from[row] - middle) * inverse }
                for row in count..<block { to[row] = 0 }
            }
        }
        let ones = scratch + table.width * block
        for row in 0..<block { ones[row] = row < count ? 1 : 0 }
    }

    /// The linear predictors of a block.
    private static func combine(
        _ columns: UnsafeMutablePointer<Double>, _ parameters: [Double],
        into predictor: UnsafeMutablePointer<Double>
    ) {
        for row in stride(from: 0, to: block, by: 4) {
            var sum = Lanes.zero
            for (column, parameter) in parameters.enumerated() {
                sum += parameter * lanes(columns + column * block + row)
            }
            store(sum, predictor + row)
        }
    }

    /// Turns linear predictors into weighted residuals and curvatures; the block's loss.
    private func links(
        _ predictor: UnsafeMutablePointer<Double>, _ curvature: UnsafeMutablePointer<Double>, start: Int,
        count: Int
    ) -> Double {
        var loss = 0.0
        for row in 0..<count {
            let eta = predictor[row]
            let small = exp(-abs(eta))
            let inverse = 1 / (1 + small)
            let probability = eta >= 0 ? inverse : small * inverse
            let positive = labels[start + row] != 0
            let weight = weights?[start + row] ?? 1
            loss += weight * (log1p(small) + max(eta, 0) - (positive ? eta : 0))
            predictor[row] = weight * (probability - (positive ? 1 : 0))
            curvature[row] = weight * small * inverse * inverse
        }
        for row in count..<LogisticObjective.block {
            predictor[row] = 0
            curvature[row] = 0
        }
        return loss
    }

    private func accumulate(
        _ value: inout Value, _ columns: UnsafeMutablePointer<Double>,
        _ residual: UnsafeMutablePointer<Double>, _ curvature: UnsafeMutablePointer<Double>,
        _ weighted: UnsafeMutablePointer<Double>
    ) {
        let size = table.width + 1
        let block = LogisticObjective.block
        for row in 0..<size {
            let own = columns + row * block
            value.gradient[row] += LogisticObjective.dot(own, residual)
            for place in stride(from: 0, to: block, by: 4) {
                LogisticObjective.store(
                    LogisticObjective.lanes(own + place) * LogisticObjective.lanes(curvature + place),
                    weighted + place)
            }
            for column in 0...row {
                value.hessian[row * size + column] += LogisticObjective.dot(
                    weighted, columns + column * block)
            }
        }
    }

    private static func dot(_ a: UnsafeMutablePointer<Double>, _ b: UnsafeMutablePointer<Double>) -> Double {
        var first = Lanes.zero
        var second = Lanes.zero
        for place in stride(from: 0, to: block, by: 8) {
            first += lanes(a + place) * lanes(b + place)
            second += lanes(a + place + 4) * lanes(b + place + 4)
        }
        return (first + second).sum()
    }

    @inline(__always)
    private static func lanes(_ pointer: UnsafeMutablePointer<Double>) -> Lanes {
        UnsafeRawPointer(pointer).loadUnaligned(as: Lanes.self)
    }

    @inline(__always)
    private static func store(_ value: Lanes, _ pointer: UnsafeMutablePointer<Double>) {
        UnsafeMutableRawPointer(pointer).storeBytes(of: value, as: Lanes.self)
    }
}
