extension OutcomeScorer {
    private static let version: UInt32 = 1

    func write(to writer: inout ByteWriter) {
        writer.put(OutcomeScorer.version)
        writer.put(features)
        switch learner {
        case .linear(let preprocessing, let coefficients, let intercept):
            writer.put(UInt8(0))
            writer.put(preprocessing.logarithm)
            for values in [preprocessing.mean, preprocessing.scale, coefficients] { writer.put(values) }
            writer.put(intercept)
        case .forest(let forest):
            writer.put(UInt8(1))
            writer.put(forest.bytes)
        }
        switch calibration {
        case .none: writer.put(UInt8(0))
        case .sigmoid(let sigmoid):
            writer.put(UInt8(1))
            writer.put(sigmoid.slope)
            writer.put(sigmoid.intercept)
        case .isotonic(let isotonic):
            writer.put(UInt8(2))
            writer.put(isotonic.scores)
            writer.put(isotonic.probabilities)
        }
    }

    init(from reader: inout ByteReader) throws(CodingFailure) {
        let version = try reader.uint32()
        guard version == OutcomeScorer.version else { throw .badVersion(version) }
        let at = reader.position
        let features = try reader.strings()
        guard !features.isEmpty, Set(features).count == features.count else { throw .badValue(at: at) }
        let learner = try OutcomeScorer.learner(from: &reader, width: features.count)
        let calibration = try OutcomeScorer.calibration(from: &reader)
        self.init(features: features, learner: learner, calibration: calibration)
    }

    private static func learner(
        from reader: inout ByteReader, width: Int
    ) throws(CodingFailure) -> Learner {
        let at = reader.position
        switch try reader.byte() {
        case 0:
            let preprocessing = Preprocessing(
                logarithm: try reader.flag(), mean: try reader.doubles(), scale: try reader.doubles())
            let coefficients = try reader.doubles()
            let intercept = try reader.double()
            let numbers = preprocessing.mean + preprocessing.scale + coefficients + [intercept]
            guard numbers.count == 3 * width + 1, coefficients.count == width,
                preprocessing.mean.count == width, numbers.allSatisfy(\.isFinite),
                preprocessing.scale.allSatisfy({ $0 > 0 })
            else { throw .badValue(at: at) }
            return .linear(preprocessing, coefficients: coefficients, intercept: intercept)
        case 1:
            let forest = try Forest(bytes: Array(try reader.blob()))
            guard forest.features == width, forest.outputs == 1, forest.link == .logistic else {
                throw .badValue(at: at)
            }
            return .forest(forest)
        default: throw .badValue(at: at)
        }
    }

    private static func calibration(from reader: inout ByteReader) throws(CodingFailure) -> Calibration {
        let at = reader.position
        switch try reader.byte() {
        case 0: return .none
        case 1:
            let sigmoid = SigmoidCalibration(slope: try reader.double(), intercept: try reader.double())
            guard sigmoid.slope.isFinite, sigmoid.slope >= 0, sigmoid.intercept.isFinite else {
                throw .badValue(at: at)
            }
            return .sigmoid(sigmoid)
        case 2:
            let isotonic = IsotonicCalibration(
                scores: try reader.doubles(), probabilities: try reader.doubles())
            guard isotonic.isSound else { throw .badValue(at: at) }
            return .isotonic(isotonic)
        default: throw .badValue(at: at)
        }
    }
}

extension IsotonicCalibration {
    /// Whether it can be looked up and rises.
    var isSound: Bool {
        !scores.isEmpty && scores.count == probabilities.count && scores.allSatisfy(\.isFinite)
            && probabilities.allSatisfy { (0...1).contains($0) }
            && zip(scores, scores.dropFirst()).allSatisfy { $0 < $1 }
            && zip(probabilities, probabilities.dropFirst()).allSatisfy { $0 <= $1 }
    }
}
