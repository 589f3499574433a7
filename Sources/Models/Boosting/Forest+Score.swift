import Glibc

extension Forest {
    /// The margins of one row, in `out`; shapes [features] and [outputs].
    package func margins(of row: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>) {
        for output in 0..<outputs { out[output] = base }
        nodes.withUnsafeBufferPointer { nodes in
            let nodes = nodes.baseAddress.unsafelyUnwrapped
            for tree in trees {
                var at = tree.root
                for _ in 0..<tree.depth { at = nodes[Int(at)].next(row) }
                out[Int(tree.output)] += nodes[Int(at)].value
            }
        }
    }

    /// The margin of one row, of the first output where there are several.
    package func margin(_ row: [Float]) -> Float {
        precondition(row.count == features, "a row of \(features) values")
        var out = [Float](repeating: 0, count: outputs)
        row.withUnsafeBufferPointer { margins(of: $0.baseAddress.unsafelyUnwrapped, into: &out) }
        return out[0]
    }

    /// The prediction of one row: a value, a probability, a time, or the first class's probability.
    package func prediction(_ row: [Float]) -> Float {
        var out = [Float](repeating: 0, count: outputs)
        precondition(row.count == features, "a row of \(features) values")
        row.withUnsafeBufferPointer { margins(of: $0.baseAddress.unsafelyUnwrapped, into: &out) }
        apply(&out)
        return out[0]
    }

    /// The margins of many rows, shapes [rows][features] and [rows][outputs].
    ///
    /// Eight rows walk a tree at once, whose nodes stay near meanwhile: a walk alone would wait for each node.
    package func margins(
        rows: Int, _ values: UnsafePointer<Float>, into out: UnsafeMutablePointer<Float>
    ) {
        for index in 0..<rows * outputs { out[index] = base }
        nodes.withUnsafeBufferPointer { nodes in
            let nodes = nodes.baseAddress.unsafelyUnwrapped
            var start = 0
            while start < rows {
                let end = min(start + Forest.block, rows)
                for tree in trees {
                    walk(tree, nodes, start..<end, values, out)
                }
                start = end
            }
        }
    }

    private static let block = 64

    private func walk(
        _ tree: Tree, _ nodes: UnsafePointer<Node>, _ rows: Range<Int>, _ values: UnsafePointer<Float>,
        _ out: UnsafeMutablePointer<Float>
    ) {
        let width = features
        let stride = outputs
        @inline(__always)
        func step(_ at: Int32, _ row: UnsafePointer<Float>) -> Int32 { nodes[Int(at)].next(row) }
        var row = rows.lowerBound
        while row + 8 <= rows.upperBound {
            let base = values + row * width
            var (a, b, c, d) = (tree.root, tree.root, tree.root, tree.root)
            var (e, f, g, h) = (tree.root, tree.root, tree.root, tree.root)
            for _ in 0..<tree.depth {
                a = step(a, base)
                b = step(b, base + width)
                c = step(c, base + 2 * width)
                d = step(d, base + 3 * width)
                e = step(e, base + 4 * width)
                f = step(f, base + 5 * width)
                g = step(g, base + 6 * width)
                h = step(h, base + 7 * width)
            }
            let sums = out + row * stride + Int(tree.output)
            sums[0] += nodes[Int(a)].value
            sums[stride] += nodes[Int(b)].value
            sums[2 * stride] += nodes[Int(c)].value
            sums[3 * stride] += nodes[Int(d)].value
            sums[4 * stride] += nodes[Int(e)].value
            sums[5 * stride] += nodes[Int(f)].value
            sums[6 * stride] += nodes[Int(g)].value
            sums[7 * stride] += nodes[Int(h)].value
            row += 8
        }
        while row < rows.upperBound {
            var at = tree.root
            for _ in 0..<tree.depth { at = step(at, values + row * width) }
            out[row * stride + Int(tree.output)] += nodes[Int(at)].value
            row += 1
        }
    }

    /// The margins of a table, shape [rows][outputs].
    package func margins(of table: FeatureMatrix) -> [Float] {
        precondition(table.columns == features, "rows of \(features) values")
        return [Float](unsafeUninitializedCapacity: table.rows * outputs) { buffer, count in
            count = table.rows * outputs
            guard let out = buffer.baseAddress else { return }
            table.values.withUnsafeBufferPointer { values in
                if let values = values.baseAddress { margins(rows: table.rows, values, into: out) }
            }
        }
    }

    /// The predictions of a table, shape [rows][outputs].
    package func predictions(of table: FeatureMatrix) -> [Float] {
        var out = margins(of: table)
        apply(&out)
        return out
    }

    /// Margins to predictions, row by row.
    private func apply(_ out: inout [Float]) {
        switch link {
        case .identity: return
        case .logistic: for index in out.indices { out[index] = 1 / (1 + expf(-out[index])) }
        case .exponential: for index in out.indices { out[index] = expf(out[index]) }
        case .softmax:
            for start in stride(from: 0, to: out.count, by: outputs) {
                let row = start..<start + outputs
                let greatest = out[row].max() ?? 0
                var sum: Float = 0
                for index in row {
                    out[index] = expf(out[index] - greatest)
                    sum += out[index]
                }
                for index in row { out[index] /= sum }
            }
        }
    }
}
