import Core

/// A condition in a partition: its steps beside each other, its names and texts as the partition's numbers.
final class PreparedCondition {
    let program: ConditionProgram
    let steps: UnsafeMutableBufferPointer<ConditionProgram.Step>
    let numbers: UnsafeMutableBufferPointer<Double>
    /// By place in `program.names`: code of an event (`noCode` where it is not known yet), or number of a
    /// string.
    let names: UnsafeMutableBufferPointer<UInt32>
    /// By place in `program.texts`: what `Partition.symbol` gives for a user who has this value; never 0.
    let texts: UnsafeMutableBufferPointer<UInt32>

    /// Whether it tests what a model says.
    let asksModels: Bool

    /// Stands for an event that has not come yet.
    static let noCode = UInt32.max

    init(_ program: ConditionProgram) {
        self.program = program
        asksModels = program.steps.contains { $0.a.field.isOfModel || $0.b.field.isOfModel }
        steps = .allocate(capacity: program.steps.count)
        _ = steps.initialize(from: program.steps)
        numbers = .allocate(capacity: program.numbers.count)
        _ = numbers.initialize(from: program.numbers)
        names = .allocate(capacity: program.names.count)
        names.initialize(repeating: Self.noCode)
        texts = .allocate(capacity: program.texts.count)
        texts.initialize(repeating: Self.noCode)
    }

    deinit {
        steps.deallocate()
        numbers.deallocate()
        names.deallocate()
        texts.deallocate()
    }

    var isEmpty: Bool { steps.isEmpty }
}
