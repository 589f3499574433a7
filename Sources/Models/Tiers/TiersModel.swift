/// Levels of a buyer among all buyers, by boundaries that stay as they are between refits: a buyer changes
/// level by their own doing and by time, never because others changed.
package struct TiersModel: StoredModel {
    package static let name = "tiers"

    /// Levels of each in the RFM cell: R in three, F and M in two.
    static let cellLevels = [3, 2, 2]

    /// Boundaries of the RFM cell, one per variable.
    let cell: [QuantileEdges]
    /// Nil in a model of before there were tiers.
    package let rule: TierRule?
    /// Nil where nobody bought within a year, and in such a model.
    package let grades: GradeRule?

    init(cell: [QuantileEdges], rule: TierRule?, grades: GradeRule?) {
        self.cell = cell
        self.rule = rule
        self.grades = grades
    }

    /// A place in the RFM cube; greater is better in each.
    package struct Cell: Sendable, Equatable {
        /// 1…3, 3 the most recent.
        package var recency: Int
        /// 1…2.
        package var frequency: Int
        /// 1…2.
        package var monetary: Int

        /// `R3F2M2`.
        package var text: String { "R\(recency)F\(frequency)M\(monetary)" }
    }

    /// The RFM cell of a buyer.
    ///
    /// - Parameter daysSinceLast: days from the last purchase day to the as-of day.
    /// - Parameter frequency: purchase days − 1.
    /// - Parameter monetaryValue: mean revenue per repeat purchase day, 0 without one.
    package func cell(daysSinceLast: Double, frequency: Double, monetaryValue: Double) -> Cell {
        Cell(
            recency: cell[0].levels + 1 - cell[0].level(of: daysSinceLast),
            frequency: cell[1].level(of: frequency), monetary: cell[2].level(of: monetaryValue))
    }
}

extension TiersModel {
    private static let magic: UInt32 = 0x5249_5452  // RTIR
    private static let version: UInt32 = 2

    /// The model, self-contained; equal models have equal bytes.
    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.put(TiersModel.magic)
        writer.put(TiersModel.version)
        for edges in cell { writer.put(edges.values) }
        writer.put(rule != nil)
        rule?.write(to: &writer)
        writer.put(grades != nil)
        if let grades { writer.put(grades.edges.values) }
        return writer.bytes
    }

    /// Reads back what `bytes` gave; anything else is refused, never a trap.
    package init(bytes: [UInt8]) throws(CodingFailure) {
        self = try readBytes(bytes) { (reader) throws(CodingFailure) in
            try TiersModel(from: &reader)
        }
    }

    private init(from reader: inout ByteReader) throws(CodingFailure) {
        guard try reader.uint32() == TiersModel.magic else { throw .badMagic }
        let version = try reader.uint32()
        guard version == TiersModel.version || version == 1 else { throw .badVersion(version) }
        var cell: [QuantileEdges] = []
        for levels in TiersModel.cellLevels {
            cell.append(try QuantileEdges(from: &reader, levels: levels))
        }
        var rule: TierRule?
        var grades: GradeRule?
        // The first version had the cell alone.
        if version > 1 {
            if try reader.flag() { rule = try TierRule(from: &reader) }
            if try reader.flag() {
                grades = GradeRule(
                    edges: try QuantileEdges(from: &reader, levels: GradeRule.names.count))
            }
        }
        try reader.finish()
        self.init(cell: cell, rule: rule, grades: grades)
    }
}

extension QuantileEdges {
    init(from reader: inout ByteReader, levels: Int) throws(CodingFailure) {
        let at = reader.position
        let values = try reader.doubles()
        guard values.count == levels - 1, values.allSatisfy({ $0.isFinite }),
            zip(values, values.dropFirst()).allSatisfy({ $0 <= $1 })
        else { throw .badValue(at: at) }
        self.init(values)
    }
}

extension TierRule {
    func write(to writer: inout ByteWriter) {
        for edges in quartiles {
            writer.put(edges != nil)
            if let edges { writer.put(edges.values) }
        }
        writer.put(weights)
        writer.put(cuts.values)
    }

    init(from reader: inout ByteReader) throws(CodingFailure) {
        var quartiles: [QuantileEdges?] = []
        for _ in TierRule.variables {
            let isUsed = try reader.flag()
            quartiles.append(isUsed ? try QuantileEdges(from: &reader, levels: TierRule.levels) : nil)
        }
        let at = reader.position
        let weights = try reader.doubles()
        guard weights.count == TierRule.variables.count, weights.allSatisfy({ $0 >= 0 && $0 <= 1 }),
            weights.contains(where: { $0 > 0 })
        else { throw .badValue(at: at) }
        let cuts = try QuantileEdges(from: &reader, levels: TierRule.names.count)
        self.init(quartiles: quartiles, normalised: weights, cuts: cuts)
    }
}
