extension Forest {
    private static let magic: UInt32 = 0x524F_4652  // RFOR
    private static let version: UInt32 = 1
    /// Marks a leaf where a split has its feature.
    private static let leafMark: UInt32 = .max
    private static let widest = 1 << 20
    /// Trees deeper than this are nobody's; contributions go down them step within step.
    static let deepest = 64

    /// The forest, self-contained; equal forests have equal bytes.
    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.put(Forest.magic)
        writer.put(Forest.version)
        writer.put(UInt32(features))
        writer.put(UInt32(outputs))
        writer.put(link.rawValue)
        writer.put(base.bitPattern)
        for one in importance {
            writer.put(UInt32(one.splits))
            writer.put(one.gain)
            writer.put(one.cover)
        }
        writer.put(UInt32(trees.count))
        for tree in trees {
            writer.put(UInt32(tree.output))
            for index in Int(tree.root)..<Int(tree.root + tree.count) {
                let node = nodes[index]
                writer.put(node.isLeaf ? Forest.leafMark : node.test)
                writer.put((node.isLeaf ? node.value : node.threshold).bitPattern)
                writer.put(cover[index].bitPattern)
            }
        }
        return writer.bytes
    }

    /// Reads back what `bytes` gave; anything else is refused, never a trap.
    package init(bytes: [UInt8]) throws(CodingFailure) {
        self = try readBytes(bytes) { (reader) throws(CodingFailure) in
            let forest = try Forest(from: &reader)
            try reader.finish()
            return forest
        }
    }

    init(from reader: inout ByteReader) throws(CodingFailure) {
        guard try reader.uint32() == Forest.magic else { throw .badMagic }
        let version = try reader.uint32()
        guard version == Forest.version else { throw .badVersion(version) }
        let at = reader.position
        let features = Int(try reader.uint32())
        let outputs = Int(try reader.uint32())
        guard let link = Link(rawValue: try reader.byte()), 1...Forest.widest ~= features,
            1...Forest.widest ~= outputs
        else { throw .badValue(at: at) }
        let base = try reader.float()
        var importance: [Importance] = []
        guard features <= reader.remaining / 20 else { throw .truncated(at: at) }
        for _ in 0..<features {
            let splits = Int(try reader.uint32())
            let gain = try reader.double()
            let cover = try reader.double()
            guard gain.isFinite, cover.isFinite else { throw .badValue(at: at) }
            importance.append(Importance(splits: splits, gain: gain, cover: cover))
        }
        var builder = ForestBuilder()
        for _ in 0..<(try reader.count(ofAtLeast: 16)) {
            let at = reader.position
            let output = try reader.uint32()
            guard output < outputs else { throw .badValue(at: at) }
            builder.begin(output: Int(output))
            while builder.isOpen { try Forest.readNode(from: &reader, into: &builder, features) }
        }
        self.init(
            features: features, outputs: outputs, link: link, base: base, importance: importance,
            trees: builder.trees, nodes: builder.nodes, cover: builder.cover)
    }

    private static func readNode(
        from reader: inout ByteReader, into builder: inout ForestBuilder, _ features: Int
    ) throws(CodingFailure) {
        let at = reader.position
        let test = try reader.uint32()
        let number = try reader.float()
        let cover = try reader.float()
        guard cover >= 0 else { throw .badValue(at: at) }
        if test == leafMark {
            builder.leaf(number, cover: cover)
            return
        }
        let feature = Int(test & ~Node.missingRight)
        guard feature < features else { throw .badValue(at: at) }
        builder.split(
            feature, below: number, missingRight: test & Node.missingRight != 0, cover: cover)
        guard builder.depth <= deepest else { throw .badValue(at: at) }
    }
}

extension ByteReader {
    /// A finite 32-bit number.
    mutating func float() throws(CodingFailure) -> Float {
        let at = position
        let value = Float(bitPattern: try uint32())
        guard value.isFinite else { throw .badValue(at: at) }
        return value
    }
}
