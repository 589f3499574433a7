import Core
import Engine
import Models

@testable import EngineSupport

/// What the shards hand over to a fit of tiers, in the order of partitions.
func tierColumns(_ rig: Rig, decidedOnly: Bool) async -> TierColumns {
    var parts: [(partition: Int, columns: TierColumns)] = []
    for shard in rig.shards { parts += await shard.tierColumns(decidedOnly: decidedOnly) }
    var all = TierColumns()
    for part in parts.sorted(by: { $0.partition < $1.partition }) { all.append(part.columns) }
    return all
}

/// A model of the columns, as the fitting child makes it.
func tiersModel(_ columns: TierColumns, config: TiersConfig = TiersConfig()) throws -> TiersModel {
    let request = FitRequest.tiers(
        daysSinceLast: columns.daysSinceLast, frequency: columns.frequency,
        monetaryValue: columns.monetaryValue, age: columns.age, yearSpend: columns.yearSpend,
        boughtInYear: columns.boughtInYear, heldOut: columns.heldOut, config: config, previous: nil)
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: request.byteCount, alignment: 16)
    defer { memory.deallocate() }
    memory.initializeMemory(as: UInt8.self, repeating: 0)
    request.fill(memory)
    switch try FitResult(bytes: fit(request: UnsafeRawBufferPointer(memory))) {
    case .fitted(let candidate): return try TiersModel(bytes: candidate.model)
    case .refused(let reason): throw StateError(reason)
    }
}

func tiersVerdict(
    _ model: TiersModel, version: Int = 1, instant: Int64, scheduled: Bool = false
) -> JournalEntry {
    .verdict(
        VerdictEntry(
            name: "tiers", version: version, adopted: true, instant: instant, scheduled: scheduled,
            bytes: model.bytes))
}
