/// Half a round of alternating least squares: the vectors of one side, given those of the other.
struct FactorStep {
    private let config: ImplicitFactorsConfig
    private let fixed: FactorMatrix
    /// YᵀY + λI.
    private let gram: [Double]

    static let steps = 3
    /// Squared residual below which a vector is right.
    private static let enough: Float = 1e-20

    init(_ config: ImplicitFactorsConfig, _ fixed: FactorMatrix) {
        self.config = config
        self.fixed = fixed
        var gram = fixed.gram
        for factor in 0..<config.factors {
            gram[factor * config.factors + factor] += config.regularization
        }
        self.gram = gram
    }

    func solve(_ counts: SparseCounts, into free: inout FactorMatrix) {
        switch config.solver {
        case .exact: exactly(counts, &free)
        case .conjugateGradient: byGradients(counts, &free)
        }
    }

    private func exactly(_ counts: SparseCounts, _ free: inout FactorMatrix) {
        var system = FactorSystem(gram: gram, factors: config.factors)
        for row in 0..<counts.rowCount {
            system.begin()
            for index in counts.row(row) {
                system.add(
                    fixed.vector(Int(counts.columns[index])),
                    confidence: config.alpha * Double(counts.values[index]))
            }
            let solution = counts.row(row).isEmpty ? nil : system.solve()
            for factor in 0..<config.factors { free[row, factor] = Float(solution?[factor] ?? 0) }
        }
    }

    private func byGradients(_ counts: SparseCounts, _ free: inout FactorMatrix) {
        let width = fixed.stride / 4
        var padded = [Float](repeating: 0, count: fixed.stride * fixed.stride)
        for a in 0..<config.factors {
            for b in 0..<config.factors {
                padded[a * fixed.stride + b] = Float(gram[a * config.factors + b])
            }
        }
        counts.columns.withUnsafeBufferPointer { columns in
            counts.values.withUnsafeBufferPointer { values in
                fixed.values.withMemory { fixed in
                    padded.withMemory { gram in
                        let rows = GradientRows(
                            columns: columns, values: values, alpha: Float(config.alpha), fixed: fixed,
                            gram: gram)
                        free.values.withMutableMemory { free in
                            // The published number of factors has a loop of known length.
                            if width == 5 {
                                rows.run(counts.offsets, free, width: 5)
                            } else {
                                rows.run(counts.offsets, free, width: width)
                            }
                        }
                    }
                }
            }
        }
    }

    private struct GradientRows {
        let columns: UnsafeBufferPointer<Int32>
        let values: UnsafeBufferPointer<Float>
        let alpha: Float
        let fixed: UnsafePointer<SIMD4<Float>>
        let gram: UnsafePointer<SIMD4<Float>>

        @inline(__always)
        func run(_ offsets: [Int], _ free: UnsafeMutablePointer<SIMD4<Float>>, width: Int) {
            withUnsafeTemporaryAllocation(of: SIMD4<Float>.self, capacity: 3 * width) { room in
                guard let base = room.baseAddress else { return }
                for row in 0..<offsets.count - 1 {
                    let x = free + row * width
                    if offsets[row] == offsets[row + 1] {
                        for v in 0..<width { x[v] = .zero }
                    } else {
                        descend(
                            offsets[row]..<offsets[row + 1], x, residual: base, direction: base + width,
                            image: base + 2 * width, width: width)
                    }
                }
            }
        }

        /// Conjugate gradients on (YᵀY + λI + Σ (c − 1) y yᵀ) x = Σ c y, from the x that is there.
        @inline(__always)
        private func descend(
            _ range: Range<Int>, _ x: UnsafeMutablePointer<SIMD4<Float>>,
            residual r: UnsafeMutablePointer<SIMD4<Float>>,
            direction p: UnsafeMutablePointer<SIMD4<Float>>,
            image: UnsafeMutablePointer<SIMD4<Float>>, width: Int
        ) {
            multiply(x, into: image, width: width)
            for v in 0..<width { r[v] = -image[v] }
            for index in range {
                let y = fixed + Int(columns[index]) * width
                let confidence = alpha * values[index]
                add(confidence - (confidence - 1) * dot(y, x, width), y, to: r, width)
            }
            for v in 0..<width { p[v] = r[v] }
            var square = dot(r, r, width)
            if square < FactorStep.enough { return }
            for _ in 0..<FactorStep.steps {
                multiply(p, into: image, width: width)
                for index in range {
                    let y = fixed + Int(columns[index]) * width
                    add((alpha * values[index] - 1) * dot(y, p, width), y, to: image, width)
                }
                let length = square / dot(p, image, width)
                for v in 0..<width {
                    x[v] += length * p[v]
                    r[v] -= length * image[v]
                }
                let next = dot(r, r, width)
                if next < FactorStep.enough { break }
                for v in 0..<width { p[v] = r[v] + (next / square) * p[v] }
                square = next
            }
        }

        @inline(__always)
        private func multiply(
            _ x: UnsafeMutablePointer<SIMD4<Float>>, into out: UnsafeMutablePointer<SIMD4<Float>>,
            width: Int
        ) {
            for v in 0..<width { out[v] = .zero }
            for w in 0..<width {
                let four = x[w]
                for lane in 0..<4 { add(four[lane], gram + (4 * w + lane) * width, to: out, width) }
            }
        }

        @inline(__always)
        private func dot(
            _ a: UnsafePointer<SIMD4<Float>>, _ b: UnsafePointer<SIMD4<Float>>, _ width: Int
        ) -> Float {
            var sum = a[0] * b[0]
            for v in 1..<width { sum += a[v] * b[v] }
            return sum.sum()
        }

        @inline(__always)
        private func add(
            _ factor: Float, _ a: UnsafePointer<SIMD4<Float>>,
            to out: UnsafeMutablePointer<SIMD4<Float>>, _ width: Int
        ) {
            for v in 0..<width { out[v] += factor * a[v] }
        }
    }
}

extension [Float] {
    /// In place, by fours; the length is a multiple of 4, not 0.
    func withMemory(_ body: (UnsafePointer<SIMD4<Float>>) -> Void) {
        // An array's elements begin at a multiple of 16.
        withUnsafeBufferPointer { floats in
            guard let base = floats.baseAddress else { return }
            body(UnsafeRawPointer(base).assumingMemoryBound(to: SIMD4<Float>.self))
        }
    }

    fileprivate mutating func withMutableMemory(_ body: (UnsafeMutablePointer<SIMD4<Float>>) -> Void) {
        withUnsafeMutableBufferPointer { floats in
            guard let base = floats.baseAddress else { return }
            body(UnsafeMutableRawPointer(base).assumingMemoryBound(to: SIMD4<Float>.self))
        }
    }
}
