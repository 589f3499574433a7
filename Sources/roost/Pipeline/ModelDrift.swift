import Models

/// The fit of the model in use, as the registry has it.
struct FormerFit: Sendable {
    /// How its inputs were distributed; nil where that is not known.
    var profile: InputProfile?
    /// Bytes of the model; empty where they are not kept.
    var model: [UInt8]
    var fittedAt: Int64
    /// Time up to which it knew its data; nil where it had none.
    var dataTo: Int64?

    /// Nil where the model is not kept or no longer reads back.
    func decoded<Model: StoredModel>() -> Model? {
        if model.isEmpty { return nil }
        do throws(CodingFailure) { return try Model(bytes: model) } catch { return nil }
    }
}

/// How far a model's world has moved since its fit.
struct ModelDrift: Sendable {
    var inputs: [InputProfile.Shift]
    /// Nil where nothing has come that the fit did not know, and of models that foretell nothing that can be
    /// counted.
    var outputs: OutputCalibration?

    /// What has moved so far that the model is to be fitted anew: one input, or what the model says.
    var alarm: String? {
        if let outputs, outputs.isDrift {
            return "what it foretold is not what came, calibration error \(rounded(outputs.error))"
        }
        guard let worst = inputs.filter(\.isDrift).max(by: { $0.index < $1.index }) else { return nil }
        return "\(worst.name) has moved, stability index \(rounded(worst.index))"
    }

    private func rounded(_ number: Double) -> Double { (number * 1000).rounded() / 1000 }

    /// For the model's page: the population stability index of each input, and the calibration of the outputs.
    var members: [Tree.Member] {
        var members: [Tree.Member] = []
        if !inputs.isEmpty {
            members.append(.init("input_drift", .object(inputs.map { .init($0.name, .finite($0.index)) })))
        }
        if let outputs { members.append(.init("output_drift", outputs.tree)) }
        return members
    }
}
