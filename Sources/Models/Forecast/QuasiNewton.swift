import Glibc

/// Minimum of a function of few variables whose gradient is not at hand: BFGS on central differences with
/// backtracking (Nocedal and Wright 2006, chapters 3, 6 and 8).
package enum QuasiNewton {
    package struct Outcome: Sendable {
        /// Shape [n].
        package var point: [Double]
        package var value: Double
        package var evaluations: Int
    }

    /// - Parameters:
    ///   - start: shape [n].
    ///   - iterations: at most so many steps.
    ///   - function: infinite where it has no value; finite at the start.
    package static func minimum(
        from start: [Double], iterations: Int = 60, of function: ([Double]) -> Double
    ) -> Outcome {
        let n = start.count
        var state = Outcome(point: start, value: function(start), evaluations: 1)
        guard n > 0, state.value.isFinite else { return state }
        var inverse = identity(n)
        var slope = gradient(at: &state, of: function)
        for _ in 0..<iterations {
            var direction = times(inverse, slope).map { -$0 }
            if dot(direction, slope) >= 0 {
                inverse = identity(n)
                direction = slope.map { -$0 }
            }
            let before = state
            guard step(&state, along: direction, slope: dot(direction, slope), of: function) else { break }
            let newSlope = gradient(at: &state, of: function)
            update(
                &inverse, step: difference(state.point, before.point), change: difference(newSlope, slope))
            slope = newSlope
            if before.value - state.value < 1e-10 * (abs(state.value) + 1) { break }
        }
        return state
    }

    private static func step(
        _ state: inout Outcome, along direction: [Double], slope: Double, of function: ([Double]) -> Double
    ) -> Bool {
        let length = dot(direction, direction).squareRoot()
        var size = min(1, 2 / max(length, 1e-12))
        for _ in 0..<30 {
            let point = zip(state.point, direction).map { $0 + size * $1 }
            let value = function(point)
            state.evaluations += 1
            if value.isFinite, value <= state.value + 1e-4 * size * slope {
                state.point = point
                state.value = value
                return true
            }
            size *= 0.5
        }
        return false
    }

    private static func gradient(at state: inout Outcome, of function: ([Double]) -> Double) -> [Double] {
        var point = state.point
        let here = state.value
        state.evaluations += 2 * point.count
        return point.indices.map { index in
            let width = 1e-5 * max(1, abs(point[index]))
            let kept = point[index]
            point[index] = kept + width
            let above = function(point)
            point[index] = kept - width
            let below = function(point)
            point[index] = kept
            if above.isFinite, below.isFinite { return (above - below) / (2 * width) }
            if above.isFinite { return (above - here) / width }
            return below.isFinite ? (here - below) / width : 0
        }
    }

    /// BFGS of the inverse Hessian, (6.17); left alone where the curvature is not positive.
    private static func update(_ inverse: inout [Double], step: [Double], change: [Double]) {
        let n = step.count
        let curvature = dot(step, change)
        guard curvature > 1e-12 else { return }
        let moved = times(inverse, change)
        let scale = (1 + dot(change, moved) / curvature) / curvature
        for i in 0..<n {
            for j in 0..<n {
                inverse[i * n + j] +=
                    scale * step[i] * step[j] - (moved[i] * step[j] + step[i] * moved[j]) / curvature
            }
        }
    }

    private static func identity(_ n: Int) -> [Double] {
        (0..<n * n).map { $0 % (n + 1) == 0 ? 1 : 0 }
    }

    private static func times(_ matrix: [Double], _ vector: [Double]) -> [Double] {
        let n = vector.count
        return (0..<n).map { i in (0..<n).reduce(0) { $0 + matrix[i * n + $1] * vector[$1] } }
    }

    private static func dot(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    }

    private static func difference(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map { $0 - $1 } }
}
