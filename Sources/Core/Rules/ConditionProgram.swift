/// A condition made ready: a flat list of tests and jumps over one truth value. Whoever holds the users
/// turns names and texts into their numbers once (`names`, `texts`); a user costs neither.
package struct ConditionProgram: Sendable, Equatable {
    package enum Code: UInt8, Sendable, BitwiseCopyable {
        /// Compares a number of the user's with `number`.
        case compare
        /// Compares two numbers of the user's.
        case compareFields
        /// Whether a text is one of `texts[first ..< first + count]`.
        case isOneOf
        /// Whether a number is one of `numbers[first ..< first + count]`.
        case isAmong
        case has
        case flag
        case constant
        case invert
        /// To `first`, where the truth value is false, or true.
        case jumpIfFalse
        case jumpIfTrue
    }

    package enum Comparison: UInt8, Sendable, BitwiseCopyable {
        case equal, notEqual, less, atMost, greater, atLeast

        /// Whether it holds; nothing holds of what is not a number.
        @inlinable
        package func holds(_ a: Double, _ b: Double) -> Bool {
            switch self {
            case .equal: a == b
            case .notEqual: a < b || a > b
            case .less: a < b
            case .atMost: a <= b
            case .greater: a > b
            case .atLeast: a >= b
            }
        }

        var mirrored: Comparison {
            switch self {
            case .equal, .notEqual: self
            case .less: .greater
            case .atMost: .atLeast
            case .greater: .less
            case .atLeast: .atMost
            }
        }
    }

    /// A field, with its window or the place of its name in `names`.
    package struct Operand: Sendable, Hashable, BitwiseCopyable {
        package var field: ConditionField
        package var argument: UInt32

        package init(field: ConditionField, argument: UInt32) {
            self.field = field
            self.argument = argument
        }
    }

    package struct Step: Sendable, Equatable, BitwiseCopyable {
        package var code: Code
        package var comparison = Comparison.equal
        package var a = Operand(field: .converted, argument: 0)
        package var b = Operand(field: .converted, argument: 0)
        package var number = 0.0
        package var first: UInt32 = 0
        package var count: UInt32 = 0
    }

    /// A text to compare with; it means what its field's values mean.
    package struct Text: Sendable, Equatable {
        package var field: ConditionField
        package var text: String
    }

    /// A name that is asked about: of an event, a category, a payment method, a channel or a segmentation.
    package struct Name: Sendable, Equatable {
        package var field: ConditionField
        package var name: String
    }

    package internal(set) var steps: [Step] = []
    package internal(set) var texts: [Text] = []
    package internal(set) var names: [Name] = []
    package internal(set) var numbers: [Double] = []

    package init() {}

    /// Holds of everybody.
    package var isEmpty: Bool { steps.isEmpty }

    /// Whether it asks about the item that is offered.
    package var asksItem: Bool { steps.contains { $0.a.field.isOfItem || $0.b.field.isOfItem } }

    /// Makes an operand ready.
    mutating func operand(_ reference: ConditionField.Reference) -> Operand {
        guard let name = reference.name else {
            return Operand(field: reference.field, argument: reference.window)
        }
        let wanted = Name(field: reference.field, name: name)
        if let place = names.firstIndex(of: wanted) {
            return Operand(field: reference.field, argument: UInt32(place))
        }
        names.append(wanted)
        return Operand(field: reference.field, argument: UInt32(names.count - 1))
    }
}

/// Why a text of a rule is not understood, and where in it.
package struct RuleTextError: Error, Sendable, Equatable {
    /// Characters before it.
    package var offset: Int
    package var reason: String

    package init(_ offset: Int, _ reason: String) {
        self.offset = offset
        self.reason = reason
    }

    /// With its place from 1.
    package var sentence: String { "at character \(offset + 1): \(reason)" }
}
